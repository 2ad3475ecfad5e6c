"""The API's function in a process of its own: it answers the events on its standard input, one a line.

The program writes a JSON file: the answers, its peak memory in MiB, and the seconds of CPU that it took.
"""

import json
import os
import sys
import time
from pathlib import Path

from functions.graphql_api import handler


class Patience:
    """Lambda's context object, of an invocation with enough time for a slow machine."""

    aws_request_id = "7f3f9a0e"

    def get_remaining_time_in_millis(self) -> int:
        """Time left, always the same."""
        return 300_000


def main(result: Path) -> None:
    """Answer every event."""
    answers = [handler(json.loads(line), Patience()) for line in sys.stdin]
    status = Path("/proc/self/status").read_text()  # getrusage would count what our parent had
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    result.write_text(json.dumps({"answers": answers, "peak": peak, "cpu": time.process_time()}))
    os._exit(0)  # obstore's threads may still call into an interpreter that is shutting down, which aborts it


if __name__ == "__main__":
    main(Path(sys.argv[1]))
