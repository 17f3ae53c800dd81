# Findings of compilers, `file:line:column: warning: text`, as `file function: warning: text`, which
# stays the same when lines move. Definitions begin in the first column; outside of them: -.
function place(file, line,    text, n, name) {
  name = "-"
  for (n = 1; n <= line && (getline text < file) > 0; n++) {
    if (text ~ /^[A-Za-z_].*[A-Za-z0-9_]\(/ && text !~ /;$/) {
      name = text
      sub(/\(.*/, "", name)
      sub(/.*[^A-Za-z0-9_]/, "", name)
    } else if (text ~ /^}/ && n < line) name = "-"
  }
  close(file)
  return name
}

{
  text = $0
  if (index(text, ENVIRON["PWD"] "/") == 1) text = substr(text, length(ENVIRON["PWD"]) + 2)
  if (match(text, /^[^:]+:[0-9]+:([0-9]+:)? /)) {
    rest = substr(text, RLENGTH + 1)
    split(text, part, ":")
    text = part[1] " " place(part[1], part[2] + 0) ": " rest
  }
  print text
}
