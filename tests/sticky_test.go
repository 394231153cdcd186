package tests

import (
	"regexp"
	"strings"
	"testing"
)

var badge = regexp.MustCompile(`^home=([0-9a-f]{16}); Path=/; HttpOnly; SameSite=Lax$`)

// adopt sends a request without a cookie and returns the field that keeps it where it was served.
func (b *balancer) adopt(t *testing.T) (cookie, name string) {
	t.Helper()
	m := b.get(t, "/")
	value, _ := m.field("Set-Cookie")
	match := badge.FindStringSubmatch(value)
	if match == nil {
		t.Fatalf("Set-Cookie is %q", value)
	}
	return "Cookie: other=1; home=" + match[1], string(m.body)
}

func TestStickyCookieKeepsAClientOnItsBackend(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	addrs := three(t)
	args := []string{"--sticky", "home"}
	b := start(t, settings{backends: addrs, args: args, workers: 2})
	restarted := start(t, settings{backends: []string{addrs[1], addrs[2], addrs[0]}, args: args})
	names := map[string]bool{}
	for range 12 {
		cookie, name := b.adopt(t)
		names[name] = true
		for _, from := range []*balancer{b, b, restarted} {
			m := from.get(t, "/", cookie)
			if _, set := m.field("Set-Cookie"); string(m.body) != name || set {
				t.Errorf("%s went from %s to %v", cookie, name, m)
			}
		}
	}
	if len(names) < 2 {
		t.Errorf("all clients without a cookie went to %v", names)
	}
}

func TestStickyCookieThatNamesNobodyIsReplaced(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	addrs := three(t)
	args := []string{"--sticky", "home"}
	b := start(t, settings{backends: addrs[:2], args: args})
	gone, _ := start(t, settings{backends: addrs[2:], args: args}).adopt(t)
	for _, cookie := range []string{
		gone, "Cookie: home=", "Cookie: home=0123456789ABCDEF", "Cookie: home=127.0.0.1:80", "Cookie: homes=0123456789abcdef",
		"Cookie: " + strings.Repeat(";", 50) + "=;home",
	} {
		m := b.get(t, "/", cookie)
		if value, _ := m.field("Set-Cookie"); m.status() != 200 || !badge.MatchString(value) {
			t.Errorf("with %q: %v", cookie, m)
		}
	}
}

// The backend fails its client: another one answers. While the first counts as up the client keeps its cookie; from
// then on that it is down, the client is at home where it was served.
func TestStickyCookieOfABackendThatIsDownIsReplaced(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	addrs := []string{named(t, "A", nil).addr, refusing(t)}
	token := tokenOf(t, addrs[1])
	args := []string{"--sticky", "home", "--health-interval", "100ms", "--health-fall", "2"}
	b := start(t, settings{backends: addrs, args: args, health: true})
	down := func() bool { return strings.Contains(b.stdout.String(), "down") }
	if !eventually(down, b.exited) {
		t.Fatal("the backend was not taken down")
	}
	m := b.get(t, "/", "Cookie: home="+token)
	if value, _ := m.field("Set-Cookie"); string(m.body) != "A" || !badge.MatchString(value) {
		t.Errorf("got %v", m)
	}
	up := start(t, settings{backends: addrs, args: args[:2]})
	m = up.get(t, "/", "Cookie: home="+token)
	if _, set := m.field("Set-Cookie"); string(m.body) != "A" || set {
		t.Errorf("of a backend that fails once: %v", m)
	}
}

// tokenOf asks a balancer for the token of an address that somebody listens on for the purpose.
func tokenOf(t *testing.T, addr string) string {
	t.Helper()
	b := start(t, settings{backends: []string{addr}, args: []string{"--sticky", "home"}})
	l := listenOn(t, addr)
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			conn.Read(make([]byte, 4096))
			conn.Write([]byte("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"))
		}
	}()
	value, _ := b.get(t, "/").field("Set-Cookie")
	match := badge.FindStringSubmatch(value)
	if match == nil {
		t.Fatalf("Set-Cookie is %q", value)
	}
	return match[1]
}
