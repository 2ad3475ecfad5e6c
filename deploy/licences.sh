#!/bin/sh
# Prints docs/licences.md, given the names of the deployed packages. Licences come from the packages' own metadata.
set -eu
cat <<'PAGE'
# What Tally is made of

The packages in the deployed artifacts, as the lock has them (`make licences` writes this page). `arro3-core` and
`arro3-io` are in the keeper's only. The explorer's assets are listed in
[`explorer/NOTICE`](../explorer/NOTICE) and [`web/NOTICE`](../web/NOTICE); packages that only development needs are not deployed.

PAGE
# shellcheck disable=SC2086 # one argument a package
.tools/bin/uv tool run --quiet "pip-licenses>=5,<6" --python .venv/bin/python --from mixed --format markdown --packages $1
