# SPDX-License-Identifier: Apache-2.0
"""What schemathesis does not know of testr serve: how a body of subunit and a list by the line are written."""
import json

import schemathesis
from hypothesis import strategies as st

RUNS = (b"test: a\nsuccess: a\n", b"test: a\nfailure: a [\nwhy\n]\n", b"time: 1677-09-21 00:12:44Z\ntest: \xc3\xa9\nskip: \xc3\xa9\n")
schemathesis.openapi.media_type("application/vnd.subunit-v2", st.builds(bytes.__add__, st.sampled_from(RUNS), st.binary(max_size=200)))


@schemathesis.deserializer("application/x-ndjson")
def items(_context, response):
    """The document describes an item, and all have to be like the first."""
    found = [json.loads(line) for line in response.content.splitlines()]
    return found[0] if found else None


def times(text):
    """Those that a repository can have."""
    return "1700" < text[:4] < "2200"


for name in "date", "date-time":
    schemathesis.openapi.format(name, {
        "date": st.dates().map(str),
        "date-time": st.datetimes(timezones=st.just(None)).map(lambda t: t.isoformat("T") + "Z"),
    }[name].filter(times))
