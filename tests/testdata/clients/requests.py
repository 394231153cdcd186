"""Python's http.client against the address in the first argument, whose server echoes what is posted, answers
GET /bytes/N with N bytes "x", and everything else with "ok". Says each thing that went well on a line of its own."""

import http.client
import select
import sys

ADDRESS = sys.argv[1]


def connect():
    return http.client.HTTPConnection(ADDRESS, timeout=20)


def ask(connection, method, path, *arguments, **options):
    connection.request(method, path, *arguments, **options)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, response.status
    return response, body


def keep_alive():
    connection = connect()
    connection.connect()
    first = connection.sock
    for i in range(100):
        assert ask(connection, "GET", f"/{i}")[1] == b"ok"
        assert connection.sock is first, f"closed after {i + 1} requests"


def large():
    assert ask(connect(), "GET", "/bytes/3000000")[1] == b"x" * 3000000


def chunked_upload():
    pieces = [b"piece %d " % i * 50 for i in range(500)]
    headers = {"Transfer-Encoding": "chunked"}
    body = ask(connect(), "POST", "/echo", iter(pieces), headers=headers, encode_chunked=True)[1]
    assert body == b"".join(pieces)


def head():
    connection = connect()
    response, body = ask(connection, "HEAD", "/bytes/1000")
    assert (response.getheader("Content-Length"), body) == ("1000", b"")
    assert ask(connection, "GET", "/")[1] == b"ok"


def expectation():
    connection = connect()
    connection.putrequest("POST", "/echo")
    connection.putheader("Content-Length", "5")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert select.select([connection.sock], [], [], 20)[0], "no 100"
    connection.send(b"hello")
    assert connection.getresponse().read() == b"hello"


def version_1_0():
    connection = connect()
    connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"
    assert ask(connection, "POST", "/echo", b"old")[1] == b"old"
    assert connection.sock is None, "kept for a client that did not ask for it"


for check in (keep_alive, large, chunked_upload, head, expectation, version_1_0):
    check()
    print(check.__name__)
