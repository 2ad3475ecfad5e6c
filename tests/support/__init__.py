"""Every helper of the tests, and which one to use when.

`api`: asking as a frontend.
    frontend                 `Frontend` (fixtures `frontend`, `start`) sends API Gateway's events to the real handler
    credit_log, operations   queries with variables that succeed
    generated_queries        operations drawn from the schema

`s3`: other S3s than the embedded one.
    memory_store             S3 in memory, to count its requests, to have it fail, and for many processes
    waits                    the same, to count how often a caller waits for it
    lossy_s3, slow_s3        proxies to a real S3 that lose answers, are slow or never answer
    recorded_aws             a proxy that lists every key and secret that was asked for
    policed_bucket           the real bucket with the template's rule that some keys are written once
    settled_days             fills a bucket without a vendor
    lake_files               the lake in a bucket, as tools by others find it

`vendors`: the two APIs, where the simulators of `local` are not enough.
    credit_oracle            the right answer, computed from a simulated vendor
    vendor_history           the same at each moment of a test
    scripted_vendor          answers each request as a script says; scripted_rde: as RDE, with a client
    lossy_logs               a proxy to OpenMarket that loses rows of a log
    rewritten_reports        answers with other rows than the right ones
    log_file                 a log of one row, to change one thing about it
    rendezvous               requests that wait for each other, as proof that they overlap
    simulator_client         requests to the simulators without the product
    own_certificate          TLS that nobody trusts
    planted_secrets          the credentials in Secrets Manager

`processes`: one process or several of the product, over one bucket.
    ledger_process           everything below HTTP; shared_ledger (fixture `shared`): several, over a bucket in memory;
                             checked_ledger: with checks of all that they answer
    forks                    children of a program that have its imports, to be killed
    short_months             processes whose months have three days
    scheduling_process, exporting_process   only these parts; also programs, to be killed or measured
    deployment               bucket, secrets, vendors and clock of the keeper's tests (fixtures `deployment`, `both`)
    asking_program, dying_keeper_program, measured_keeper_program, measured_api_program   run by `python -m`

`explorer`: a site for the explorer's pages to ask (site), the browser's view of them (visit), an issuer (sign_in).

`overview`: the real stack for the overview (stage), and the page as a reader sees it (sheet).

    browser                  Chromium, for both pages

    report_files             one table as a report file of every kind
    open_files               the files without a name that this process has open
    earlier_version          makes and reads the buckets of earlier versions
    moving_clock             stands still until a test moves it
    repository, documents    the repository's root, and what its pages show
    template_reading         `template.yaml` as data; alarm_evaluation: CloudWatch's arithmetic
    node                     Node with the packages of a folder
"""
