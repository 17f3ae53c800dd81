# record CHECK WHAT TIMES FAILED OUTCOME SECONDS: the row that trust/record.R describes.
record() {
  printf '%s: %s: %s times, %s failed: %s (%s s)\n' "$1" "$2" "$3" "$4" "$5" "$6"
  [ -n "${FEPANEL_TRUST_OUT:-}" ] || return 0
  [ -e "$FEPANEL_TRUST_OUT" ] ||
    echo '"check","what","times","failed","outcome","seconds","date"' >"$FEPANEL_TRUST_OUT"
  printf '"%s","%s",%s,%s,"%s",%s,"%s"\n' "$1" "$2" "$3" "$4" \
    "$(printf %s "$5" | sed 's/"/""/g')" "$6" "$(date +%F)" >>"$FEPANEL_TRUST_OUT"
}
