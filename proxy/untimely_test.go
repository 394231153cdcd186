package proxy

import (
	"strings"
	"testing"

	"lb/messages"
)

const (
	late    = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	lasting = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
	post    = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n12"
)

// used is a client whose backend has served one request and holds the connection.
func (s *stage) used() (client, back end) {
	s.t.Helper()
	client = s.connect()
	client.say(get)
	back = s.accept()
	back.head()
	back.say(answered)
	client.head()
	client.expect("ok")
	return client, back
}

// A backend that ends an idle connection says so by 408 at times, in the moment in which the next request is sent.
func TestUntimely408IsNoAnswer(t *testing.T) {
	s := newStage(t, Options{}, nil)
	client, back := s.used()
	client.say(get)
	back.head()
	back.say(late)
	fresh := s.accept()
	if line := fresh.head(); line != "GET / HTTP/1.1" {
		t.Errorf("a fresh connection begins with %q", line)
	}
	fresh.say(answered)
	if line := client.head(); line != "HTTP/1.1 200 OK" {
		t.Errorf("the client got %q", line)
	}
	client.expect("ok")
	back.ended()
	s.rests(1)
	for name, b := range s.stats().Backends {
		if b.Retries[messages.ConnectionTerminated] != 1 || b.Failures[messages.ConnectionTerminated] != 1 {
			t.Errorf("%s: retries %v, failures %v", name, b.Retries, b.Failures)
		}
	}
}

// Any other 408 is an answer to the request, or the only word of it that there is.
func TestTimely408IsPassedOn(t *testing.T) {
	for name, c := range map[string]struct {
		request, before, answer string
		fresh                   bool
	}{
		"on a fresh connection":                                 {request: get, answer: late, fresh: true},
		"on a connection that goes on":                          {request: get, answer: lasting},
		"to a request that may be repeated by the client alone": {request: post, answer: late},
		"to a request that is not whole":                        {request: strings.Replace(upload, "POST", "PUT", 1), answer: late},
		"behind an interim response":                            {request: get, before: "HTTP/1.1 103 Early Hints\r\n\r\n", answer: late},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, Options{}, nil)
			client, back := s.connect(), end{}
			if !c.fresh {
				client, back = s.used()
			}
			client.say(c.request)
			if c.fresh {
				back = s.accept()
			}
			back.head()
			back.say(c.before + c.answer)
			if c.before != "" {
				client.head()
			}
			if line := client.head(); line != "HTTP/1.1 408 Request Timeout" {
				t.Errorf("the client got %q", line)
			}
		})
	}
}

// A backend that says 408 to each request is asked once more, not for ever.
func Test408ThatIsMeantIsAnsweredOnce(t *testing.T) {
	s := newStage(t, Options{}, nil)
	client, back := s.used()
	client.say(get)
	back.head()
	back.say(late)
	fresh := s.accept()
	fresh.head()
	fresh.say(late)
	if line := client.head(); line != "HTTP/1.1 408 Request Timeout" {
		t.Errorf("the client got %q", line)
	}
	s.rests(1)
}
