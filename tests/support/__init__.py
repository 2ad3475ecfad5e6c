"""Every helper of the tests, and which one to use when.

- `api`: asking as a frontend. `Frontend` (fixtures `frontend` and `start`) sends API Gateway's events to the real
  handler; `credit_log` and `operations` hold the queries; `generated_queries` draws queries from the schema.
- `s3`: `MemoryStore` is S3 in memory, where a test counts requests, makes S3 fail or has many processes; `LossyS3`
  loses answers on the way to a real S3, `SlowS3` delays them or hangs; `recorded_aws` lists every key that was asked
  for; `settled_days` fills a bucket.
- `vendors`: `credit_oracle` works out the right answer from a simulated vendor, `VendorHistory` for each moment of a
  test; `ScriptedVendor` misbehaves where the simulators of `local` cannot; `simulator_client` asks those by hand.
- `processes`: several processes over one bucket. `LedgerProcess` is everything below HTTP; `SharedLedger` (fixture
  `shared`) starts such processes over one bucket in memory, and `CheckedLedger` checks all that they answer;
  `SchedulingProcess` and `ExportingProcess` are the parts that their names say; `Deployment` (fixture `deployment`) is
  all that the keeper works on. `scheduling_process`, `exporting_process` and the modules that end in `_program` also
  run by `python -m`, to be killed or measured.
- `explorer`: a site for the explorer's pages to ask, the browser's view of them, and a provider at which users sign in.
- `MovingClock` stands still until a test moves it; `repository.ROOT` is the repository; `template_reading` gives
  `template.yaml` as plain data, `documents` the blocks of a page that are run.
"""
