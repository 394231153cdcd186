package semantics

import "testing"

func TestKindOfIsCaseInsensitiveAndExact(t *testing.T) {
	for name, want := range map[string]Kind{
		"Host": Host, "hOST": Host, "Hosts": Other, "date": Date, "DATE": Date, "TE": TE, "te ": Other, "Via": Via,
		"Expect": Expect, "Trailer": Trailer, "Upgrade": Upgrade, "Connection": Connection, "Keep-Alive": KeepAlive,
		"Forwarded": Forwarded, "CONTENT-length": ContentLength, "Content_Length": Other, "Content-Type": Other,
		"Transfer-Encoding": TransferEncoding, "Transfer\rEncoding": Other, "Proxy-Connection": ProxyConnection,
		"x-Request-ID": XRequestID, "X-Request-Ix": Other,
		"X-Forwarded-For": XForwardedFor, "x-forwarded-host": XForwardedHost, "X-Forwarded-PROTO": XForwardedProto,
		"X-Forwarded-Port": XForwardedOther, "X-Forwarded": Other, "X-Forwarded-": XForwardedOther, "": Other, "A": Other,
		"\x48OST": Host, "(OST": Other,
	} {
		if got := KindOf([]byte(name)); got != want {
			t.Errorf("KindOf(%q) = %d, want %d", name, got, want)
		}
	}
}

func TestNextElementSkipsEmptyOnesAndKeepsQuotedCommas(t *testing.T) {
	list := []byte(` , a,b , "x,\"y" ,, c;q="1,2",`)
	var got []string
	for {
		var e []byte
		if e, list = NextElement(list); e == nil {
			break
		}
		got = append(got, string(e))
	}
	want := []string{"a", "b", `"x,\"y"`, `c;q="1,2"`}
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("element %d = %q, want %q", i, got[i], want[i])
		}
	}
}

func TestConnectionNamesFieldsHopByHop(t *testing.T) {
	fields := []Field{
		{Name: []byte("X-Private")},
		{Name: []byte("Connection"), Value: []byte("close, x-PRIVATE, keep-alive"), Kind: Connection},
		{Name: []byte("Close")},
		{Name: []byte("X-Public")},
	}
	MarkHopByHop(fields)
	for i, want := range []bool{true, false, false, false} {
		if fields[i].HopByHop != want {
			t.Errorf("%s: hop-by-hop %v, want %v", fields[i].Name, fields[i].HopByHop, want)
		}
	}
	if !HasOption(fields, Connection, "keep-alive") || HasOption(fields, Connection, "upgrade") {
		t.Error("HasOption misreads the Connection field")
	}
}

func TestConnectionTakesNoFieldThatIsMeantForAll(t *testing.T) {
	for name, want := range map[string]bool{
		"Host": true, "Content-Length": true, "Date": true, "Expect": true, "Forwarded": true, "Trailer": true, "Via": true,
		"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true, "X-Forwarded-Port": true,
		"X-Real-IP": false, "Cookie": false, "HTTP2-Settings": false, "TE": false, "Upgrade": false, "Keep-Alive": false,
	} {
		fields := []Field{{Name: []byte("Connection"), Value: []byte("a, " + name + ",b"), Kind: Connection}, field(name)}
		MarkHopByHop(fields)
		if got := fields[1].EndToEnd(); got != want {
			t.Errorf("Connection: %s: end to end %v, want %v", name, got, want)
		}
	}
}

func TestEndToEndByKindAlone(t *testing.T) {
	for name, want := range map[string]bool{
		"Connection": false, "Keep-Alive": false, "Proxy-Connection": false, "TE": false, "Transfer-Encoding": false,
		"Upgrade": false, "Trailer": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Host": true, "X": true,
	} {
		f := field(name)
		if got := f.EndToEnd(); got != want {
			t.Errorf("%s: end to end %v, want %v", name, got, want)
		}
	}
}

func field(name string) Field { return Field{Name: []byte(name), Kind: KindOf([]byte(name))} }

func TestOnlyIdempotentMethodsMayBeRepeated(t *testing.T) {
	for name, want := range map[string]bool{
		"GET": true, "HEAD": true, "OPTIONS": true, "TRACE": true, "PUT": true, "DELETE": true,
		"POST": false, "PATCH": false, "CONNECT": false, "get": false, "BREW": false, "": false,
	} {
		if got := MethodOf([]byte(name)).Idempotent(); got != want {
			t.Errorf("%q: idempotent %v, want %v", name, got, want)
		}
	}
}

func TestBodyAllowed(t *testing.T) {
	for _, c := range []struct {
		head   bool
		status int
		want   bool
	}{
		{false, 200, true},
		{true, 200, false},
		{false, 204, false},
		{false, 304, false},
		{false, 101, false},
		{false, 199, false},
		{false, 500, true},
	} {
		if got := BodyAllowed(c.head, c.status); got != c.want {
			t.Errorf("BodyAllowed(%v, %d) = %v", c.head, c.status, got)
		}
	}
}
