package h1_test

import (
	"fmt"

	"lb/proxy/h1"
	"lb/proxy/semantics"
)

func ExampleParseRequest() {
	buffer := []byte("POST /form HTTP/1.1\r\nHost: example.org\r\nConnection: X-Hop\r\nX-Hop: 1\r\n" +
		"Content-Length: 3\r\n\r\na=b")
	var r semantics.Request
	n, err := h1.ParseRequest(buffer, &r, &h1.Limits{HeadBytes: 8 << 10})
	switch {
	case err != nil:
		fmt.Println("answer", err.Status, "and close:", err.Detail)
		return
	case n == 0:
		fmt.Println("read more")
		return
	}
	fmt.Printf("%s %s at %s, a body of %d bytes\n", r.Method, r.Path, r.Host, r.Length)
	for i := range r.Fields {
		if f := &r.Fields[i]; f.EndToEnd() {
			fmt.Printf("forward %s\n", f.Name)
		}
	}
	fmt.Printf("%q follows\n", buffer[n:])
	// Output:
	// POST /form at example.org, a body of 3 bytes
	// forward Host
	// forward Content-Length
	// "a=b" follows
}

func ExampleBody() {
	body := h1.NewBody(semantics.Chunked)
	for _, read := range []string{"5\r", "\nhel", "lo\r\n7\r\n, world\r\n", "0\r\nDigest: x\r\n\r\nGET"} {
		b := []byte(read)
		for len(b) > 0 && !body.Done() {
			data, n, err := body.Next(b)
			if err != nil {
				fmt.Println(err)
				return
			}
			if len(data) > 0 {
				fmt.Printf("%q\n", data)
			}
			b = b[n:]
		}
		if body.Done() {
			fmt.Printf("done; %q is of the next message\n", b)
		}
	}
	fmt.Printf("%s: %s\n", body.Trailers()[0].Name, body.Trailers()[0].Value)
	// Output:
	// "hel"
	// "lo"
	// ", world"
	// done; "GET" is of the next message
	// Digest: x
}
