package actors

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lb/messages"
)

func TestNameIsLookedUpWhenItsRecordsExpire(t *testing.T) {
	names := map[string]record{"web": {addresses: addresses("10.0.0.1", "10.0.0.2"), holds: 10 * time.Second}}
	playNamed(t, config(t, "web:80"), names, func(s *stage) {
		s.want("web:80 up [10.0.0.1:80 10.0.0.2:80]")
		s.name("web", record{addresses: addresses("10.0.0.3"), holds: time.Second})
		s.pass(9 * time.Second)
		s.want("web:80 up [10.0.0.1:80 10.0.0.2:80]")
		s.pass(time.Second)
		s.want("web:80 up [10.0.0.3:80]")
		before := s.published()
		s.pass(time.Minute)
		if s.lookups < 60 || s.published() != before {
			t.Errorf("%d lookups and %d snapshots in a minute in which nothing changed", s.lookups, s.published()-before)
		}
	})
}

func TestFailingLookupKeepsTheLastGoodAddresses(t *testing.T) {
	names := map[string]record{"web": {addresses: addresses("10.0.0.1"), holds: time.Second}}
	playNamed(t, config(t, "web:80"), names, func(s *stage) {
		s.forget("web")
		s.pass(time.Hour)
		s.want("web:80 up [10.0.0.1:80]")
		if n := strings.Count(s.lines(), "its last addresses stay"); n != 1 {
			t.Errorf("%d log lines in an hour, want 1:\n%s", n, s.lines())
		}
		s.name("web", record{addresses: addresses("10.0.0.2"), holds: time.Second})
		s.pass(lookupSoon)
		s.want("web:80 up [10.0.0.2:80]")
	})
}

func TestNameThatNeverResolvedIsDown(t *testing.T) {
	playNamed(t, config(t, "web:80", one), nil, func(s *stage) {
		s.want("web:80 down []", one+" up")
		if !strings.Contains(s.lines(), `"to":"down","reason":"dns_error: no such name"`) {
			t.Errorf("the log does not tell why:\n%s", s.lines())
		}
		s.name("web", record{addresses: addresses("10.0.0.1"), holds: time.Hour})
		s.pass(lookupSoon)
		s.want("web:80 up [10.0.0.1:80]", one+" up")
	})
}

// Requests would fail that another moment could serve.
func TestNothingIsPublishedBeforeNamesWereLookedUp(t *testing.T) {
	names := map[string]record{"web": {addresses: addresses("10.0.0.1"), holds: time.Hour, takes: 2 * time.Second}}
	playNamed(t, config(t, "web:80", one), names, func(s *stage) {
		s.pass(2*time.Second - 1)
		s.want("no snapshot")
		s.pass(1)
		s.want("web:80 up [10.0.0.1:80]", one+" up")
		s.name("slow", record{addresses: addresses("10.0.0.2"), holds: time.Hour, takes: time.Minute})
		s.reload("slow:80", one)
		s.pass(lookupWithin - 1)
		s.want("web:80 up [10.0.0.1:80]", one+" up")
		s.pass(1)
		s.want("slow:80 down []", one+" up")
		s.pass(time.Minute)
		s.want("slow:80 up [10.0.0.2:80]", one+" up")
	})
}

func TestNameIsLookedUpByASuccessor(t *testing.T) {
	names := map[string]record{"web": {addresses: addresses("10.0.0.1"), holds: time.Second}}
	playNamed(t, config(t, "web:80"), names, func(s *stage) {
		s.mu.Lock()
		s.poison = `"to":"draining"`
		s.mu.Unlock()
		if err := s.order(messages.DrainBackend{ID: "web:80"}); err != nil {
			t.Fatal(err)
		}
		s.want("web:80 draining [10.0.0.1:80]")
		s.name("web", record{addresses: addresses("10.0.0.2"), holds: time.Second})
		s.pass(2 * time.Second)
		s.want("web:80 draining [10.0.0.2:80]")
		if s.restarts("backends/backend/web:80") != 1 {
			t.Error("the actor was not restarted")
		}
	})
}

func TestServiceNameStandsForWhatItLists(t *testing.T) {
	host := record{addresses: addresses("10.0.0.1"), holds: time.Hour}
	names := map[string]record{
		"_http._tcp.web": {services: []Service{{"a", 80, 3}, {"b", 81, 1}}, holds: 10 * time.Second},
		"a":              host, "b": host, "c": host,
	}
	playNamed(t, config(t, "srv://_http._tcp.web", one, "b:81,weight=9"), names, func(s *stage) {
		s.want("a:80,weight=3 up [10.0.0.1:80]", "b:81 up [10.0.0.1:81]", one+" up")
		s.outcomes("b:81", messages.ConnectionRefused, messages.ConnectionRefused, messages.ConnectionRefused)
		s.fail("b:81", messages.ConnectionRefused)
		s.name("_http._tcp.web", record{services: []Service{{"b", 81, 2}, {"c", 82, 1}}, holds: 10 * time.Second})
		s.pass(10 * time.Second)
		s.want("b:81,weight=2 down [10.0.0.1:81]", "c:82 up [10.0.0.1:82]", one+" up")
		s.forget("_http._tcp.web")
		s.pass(time.Minute)
		s.want("b:81,weight=2 down [10.0.0.1:81]", "c:82 up [10.0.0.1:82]", one+" up")
		s.reload(one)
		s.want(one + " up")
		if s.restarts("backends/service/_http._tcp.web") >= 0 {
			t.Error("the service is looked up although nobody wants it")
		}
	})
}

func TestProbesAreSpreadAndKeepNoGoroutine(t *testing.T) {
	const many = 1000
	var backends []string
	for i := range many {
		backends = append(backends, fmt.Sprintf("10.0.%d.%d:80", i/250, i%250))
	}
	play(t, config(t, backends...), func(s *stage) {
		s.pass(10 * time.Second)
		perSecond := make(map[int]int)
		s.mu.Lock()
		first := s.began[backends[0]]
		for _, id := range backends {
			perSecond[int(s.began[id].Sub(first)/time.Second)]++
		}
		s.mu.Unlock()
		for second, n := range perSecond {
			if second < 0 || second > 5 || n > 250 {
				t.Errorf("%d first probes in second %d", n, second)
			}
		}
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > 50 {
			t.Errorf("%d goroutines while nothing happens", n)
		}
		if n := s.published(); n > 3 {
			t.Errorf("%d snapshots although nothing changed", n)
		}
	})
}
