"""One small query for each root field, with every argument as a variable, and variables that succeed."""

REPORTS = """query($from: Date!, $to: Date!, $format: ReportFormat, $first: Int, $after: String) {
  reports(from: $from, to: $to, format: $format, first: $first, after: $after) { totalCount nodes { name } } }"""
LOG = """query($from: DateTime!, $to: DateTime!, $brand: String, $where: CreditLogFilter, $first: Int, $after: String) {
  creditLog(from: $from, to: $to, brand: $brand, where: $where, first: $first, after: $after) {
    totalCount nodes { creditId } } }"""
OUTCOME = """query($from: DateTime!, $to: DateTime!, $brand: String) {
  creditOutcome(from: $from, to: $to, brand: $brand) { rows { brand } } }"""
SCHEDULE = "mutation($input: ScheduleReportInput!) { scheduleReport(input: $input) { report { id } } }"

DAYS = {"from": "2019-11-05", "to": "2019-12-03"}
TIMES = {"from": "2019-11-12T00:00:00Z", "to": "2019-11-14T00:00:00Z"}
INPUT = {
    "name": "Daily report",
    "format": "JSON",
    "startDate": "2019-11-07T17:02:59Z",
    "endDate": "2019-12-07T17:02:59Z",
}
