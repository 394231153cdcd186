package proxy

import (
	"net/netip"
	"testing"

	"lb/messages"
	"lb/proxy/balance"
	"lb/proxy/downstream"
	"lb/proxy/h1"
	"lb/proxy/semantics"
)

// request parses a head of HTTP/1.1 with these field lines.
func request(t *testing.T, lines string) *semantics.Request {
	t.Helper()
	r := new(semantics.Request)
	text := "GET / HTTP/1.1\r\nHost: test\r\n" + lines + "\r\n"
	if n, err := h1.ParseRequest([]byte(text), r, &h1.Limits{}); n != len(text) || err != nil {
		t.Fatalf("%q: %d, %v", text, n, err)
	}
	return r
}

// worker routes by the configuration over backends of these addresses, all of them up.
func worker(t *testing.T, config messages.Config, backends ...string) *Worker {
	t.Helper()
	l, err := NewLoop(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Stop()
		if err := l.Run(); err != nil {
			t.Error(err)
		}
	})
	s := &messages.Snapshot{Config: config}
	for _, word := range backends {
		b, err := messages.ParseBackend(word)
		if err != nil {
			t.Fatal(err)
		}
		s.Members = append(s.Members, messages.Member{Backend: b})
	}
	w := NewWorker(l, Options{Workers: 2})
	w.Apply(s)
	return w
}

func TestCookie(t *testing.T) {
	for lines, want := range map[string]string{
		"":                                       "",
		"Cookie: id=7\r\n":                       "7",
		"cookie: a=b; id=7; c=d\r\n":             "7",
		"Cookie: a=b;id=7\r\n":                   "7",
		"Cookie: a=b;  id=7 ;c\r\n":              "7",
		"Cookie: id=\r\n":                        "",
		"Cookie: id\r\n":                         "",
		"Cookie: idid=8; xid=9; ID=6\r\n":        "",
		"Cookie: id=a=b\r\n":                     "a=b",
		"Cookie: id=first; id=second\r\n":        "first",
		"Cookie: a=b\r\nCookie: id=7\r\n":        "7",
		"Cookie: ;;; =; id=\"q\"\r\n":            "\"q\"",
		"Set-Cookie: id=7\r\nX-Cookie: id=7\r\n": "",
	} {
		if got := string(cookie(request(t, lines), "id")); got != want {
			t.Errorf("%q has the cookie %q, want %q", lines, got, want)
		}
	}
}

func TestKeyOfARequest(t *testing.T) {
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	user := messages.Key{Kind: messages.KeyHeader, Name: "X-User"}
	session := messages.Key{Kind: messages.KeyCookie, Name: "session"}
	f := func(key messages.Key, a, b string, from netip.Addr, same bool) {
		t.Helper()
		config := messages.DefaultConfig()
		config.Strategy, config.HashKey = messages.Hash, key
		w := worker(t, config, "127.0.0.1:9001")
		if got := w.key(here, request(t, a)) == w.key(from, request(t, b)); got != same {
			t.Errorf("%v: %q and %q from %v have the same key: %v, want %v", key, a, b, from, got, same)
		}
	}
	f(messages.Key{}, "", "X-User: 1\r\n", here, true)
	f(messages.Key{}, "", "", there, false)
	f(user, "X-User: 1\r\n", "x-user:  1 \r\n", there, true)
	f(user, "X-User: 1\r\n", "X-User: 2\r\n", here, false)
	f(user, "X-User: 1\r\n", "X-User: 1\r\nX-User: 2\r\n", there, true)
	f(session, "Cookie: a=b; session=1\r\n", "Cookie: session=1\r\n", there, true)
	// Without the field or the cookie, it is the client's address.
	f(user, "", "X-User:\r\n", here, true)
	f(user, "", "", there, false)
	f(session, "Cookie: session=\r\n", "", there, false)
}

func TestPartOfALimit(t *testing.T) {
	for _, c := range []struct{ limit, workers, want int }{
		{0, 4, 0}, {1, 4, 1}, {4, 4, 1}, {5, 4, 2}, {100, 1, 100}, {100, 0, 100}, {3, 2, 2},
	} {
		if got := perWorker(c.limit, c.workers); got != c.want {
			t.Errorf("%d over %d workers: %d each, want %d", c.limit, c.workers, got, c.want)
		}
	}
}

func TestSelectionAllocatesNothing(t *testing.T) {
	config := messages.DefaultConfig()
	config.Strategy, config.Sticky = messages.Hash, "home"
	config.HashKey = messages.Key{Kind: messages.KeyHeader, Name: "X-User"}
	w := worker(t, config, "127.0.0.1:9001", "127.0.0.1:9002,max=9")
	x := &exchange{worker: w, client: &downstream.Conn{Peer: netip.MustParseAddrPort("192.0.2.1:80")}}
	r := request(t, "Accept: */*\r\nCookie: a=b; home=0123456789abcdef\r\nX-User: somebody\r\n")
	var answer semantics.Response
	allocated := testing.AllocsPerRun(1000, func() {
		x.recognise(r)
		m := x.pick()
		x.backend = m.Owner.(*backend)
		x.occupy(m)
		answer.Reset()
		x.settle(&answer)
		x.observe()
		x.vacate()
	})
	if allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
	if len(answer.Fields) != 1 {
		t.Errorf("%d fields, want one Set-Cookie", len(answer.Fields))
	}
}

// The token of the cookie leads home, whatever the strategy, unless that backend has been tried, is full or is down.
func TestHomeComesBeforeTheStrategy(t *testing.T) {
	config := messages.DefaultConfig()
	config.Sticky = "home"
	w := worker(t, config, "127.0.0.1:9001", "127.0.0.1:9002,max=2", "127.0.0.1:9003")
	home := w.backends["127.0.0.1:9002"]
	r := request(t, "Cookie: "+string(home.badge.value)+"\r\n")
	f := func(at bool) {
		t.Helper()
		for range 6 {
			x := &exchange{worker: w}
			x.recognise(r)
			if got := x.pick() == &home.member; at && !got {
				t.Fatal("not at home")
			} else if !at && got {
				t.Fatal("at home")
			}
		}
	}
	f(true)
	w.balancer.Begin(&home.member) // the worker's part of max is 1
	f(false)
	w.balancer.End(&home.member)
	f(true)
	w.choose([]*balance.Member{&w.backends["127.0.0.1:9001"].member, &w.backends["127.0.0.1:9003"].member})
	f(false)
}
