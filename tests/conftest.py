"""Says which tests were skipped and why, a line each: pytest's own list leaves out their names."""


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.getreports("skipped"):
        name = report.nodeid.split("::", 1)[-1]
        reason = report.longrepr[2].removeprefix("Skipped: ")
        terminalreporter.write_line(f"skipped: {name}: {' '.join(reason.split())}")
