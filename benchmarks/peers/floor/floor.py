"""A handler that does nothing: the time of Python and its runtime client, without any code of ours."""


def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": '{"data":null}'}
