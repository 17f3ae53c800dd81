#' A synthetic country panel
#'
#' SYNTHETIC DATA: built by a program so that the estimates on it equal the printed cells of a
#' published paper on imports of digital services and manufacturing (63 countries, 2008-2020), whose
#' own data are not public. It demonstrates the software and teaches the method; it is no evidence
#' about the world. Countries are called c01 to c63.
#'
#' @format A data frame with 819 rows, sorted by country and year, and 33 columns:
#' \describe{
#'   \item{country}{factor, c01 ... c63}
#'   \item{year}{integer, 2008-2020}
#'   \item{developed}{logical: one of the 31 developed economies?}
#'   \item{ln_upmf}{log of manufacturing value added}
#'   \item{ln_imdig}{log of the share of digital services in services imports, percent}
#'   \item{pgdp}{GDP per head, thousand US dollars}
#'   \item{fdi}{net inflow of foreign direct investment, percent of GDP}
#'   \item{gfcf}{gross fixed capital formation, percent of GDP}
#'   \item{rd}{expenditure on research and development, percent of GDP}
#'   \item{urban}{urban population, percent}
#'   \item{ln_innov}{log of patent applications}
#'   \item{ln_inter}{log of mobile subscriptions per head}
#'   \item{ln_insti}{log of an index of institutional quality: the first principal component of
#'     the fourteen indicators below, shifted to a minimum of one (see [fe_index()])}
#'   \item{ln_insur,ln_finan,ln_intelpro,ln_ict,ln_other,ln_audio}{logs of imports of six kinds of
#'     digital services: insurance and pensions, finance, intellectual property, telecommunications
#'     and computing, other business, audiovisual; a few values are missing}
#'   \item{wgi_va,wgi_pv,wgi_ge,wgi_rq,wgi_rl,wgi_cc}{six governance indicators, about -2.5 to 2.5}
#'   \item{ief_property,ief_spending,ief_business,ief_labor}{indicators of economic freedom, 0 to
#'     100}
#'   \item{ief_monetary,ief_trade,ief_investment,ief_financial}{four more of these}
#' }
#' @source Built by the programs in the folder `data-raw` of the sources from the printed tables of
#'   Ling and Wu, "The impact of digital service imports on manufacturing upgrading". What could not
#'   be matched is listed there.
#' @examples
#' fe_describe(digitrade, c("ln_upmf", "ln_imdig", "pgdp", "fdi", "gfcf", "rd", "urban"))
"digitrade"

#' The printed cells of the paper behind `digitrade`
#'
#' Every number printed in Tables 1 to 4 of Ling and Wu, "The impact of digital service imports on
#' manufacturing upgrading", as data.
#'
#' @format A data frame with one row per printed cell:
#' \describe{
#'   \item{table}{number of the table, 1 to 4}
#'   \item{column}{column of the table, as text; `"indirect_innov"` and `"indirect_inter"` hold the
#'     bootstrap intervals printed in the text}
#'   \item{term}{variable, `_cons`, `nobs` or `adj_r2`}
#'   \item{estimate,std_error}{the printed numbers}
#'   \item{stars}{the printed stars}
#'   \item{doubt}{empty, or the reason why the cell is doubted: lost in the scan, or in
#'     contradiction to other cells}
#'   \item{digits}{decimals printed}
#' }
#' @source Ling and Wu, "The impact of digital service imports on manufacturing upgrading", Tables
#'   1-4.
#' @examples
#' subset(digitrade_published, doubt != "")
"digitrade_published"
