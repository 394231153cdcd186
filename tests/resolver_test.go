package tests

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"lb/actors"
)

// lookup asks a resolver that knows these servers and nothing of this machine.
func lookup(t *testing.T, host string, servers ...*nameServer) (string, time.Duration, error) {
	t.Helper()
	r := isolated(t, "", servers...)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found, holds, err := r.Addresses(ctx, host)
	return fmt.Sprint(found), holds, err
}

func isolated(t *testing.T, resolvConf string, servers ...*nameServer) *actors.StubResolver {
	t.Helper()
	dir := t.TempDir()
	r := &actors.StubResolver{ResolvConf: filepath.Join(dir, "resolv.conf"), Hosts: filepath.Join(dir, "hosts")}
	for path, text := range map[string]string{r.ResolvConf: resolvConf, r.Hosts: "192.0.2.9 fixed\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range servers {
		r.Servers = append(r.Servers, s.addr)
	}
	return r
}

func TestResolverUsesAllAddressesAndTheShortestTime(t *testing.T) {
	t.Parallel()
	s := startNameServer(t)
	s.set("web.", address("web.", 30, "192.0.2.2"), address("web.", 20, "192.0.2.1"), address("web.", 9, "2001:db8::1"))
	got, holds, err := lookup(t, "web", s)
	if got != "[192.0.2.1 192.0.2.2 2001:db8::1]" || holds != 9*time.Second || err != nil {
		t.Errorf("got %s for %v, %v", got, holds, err)
	}
}

func TestResolverFollowsDeviations(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]manner{
		"good":                          {},
		"truncated":                     {truncates: true},
		"forged":                        {forges: true},
		"deaf to AAAA":                  {deafTo: dnsmessage.TypeAAAA},
		"deaf to AAAA, and truncated":   {deafTo: dnsmessage.TypeAAAA, truncates: true},
		"an alias, with a shorter time": {aliases: map[string]string{"web.": "other."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startNameServer(t)
			s.set("web.", address("web.", 7, "192.0.2.1"))
			s.set("other.", address("other.", 7, "192.0.2.1"))
			s.behave(m)
			got, holds, err := lookup(t, "web", s)
			if got != "[192.0.2.1]" || holds != 7*time.Second || err != nil {
				t.Errorf("got %s for %v, %v", got, holds, err)
			}
			if streams := s.asked("tcp"); (streams > 0) != m.truncates {
				t.Errorf("asked %d times by TCP", streams)
			}
		})
	}
}

func TestResolverAsksTheNextServer(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]manner{
		"silent": {silent: true}, "failing": {code: dnsmessage.RCodeServerFailure}, "refusing": {code: dnsmessage.RCodeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad, good := startNameServer(t), startNameServer(t)
			bad.behave(m)
			good.set("web.", address("web.", 7, "192.0.2.1"))
			if got, _, err := lookup(t, "web", bad, good); got != "[192.0.2.1]" || err != nil {
				t.Errorf("got %s, %v", got, err)
			}
			if bad.asked("udp") == 0 {
				t.Error("the bad server was not asked")
			}
		})
	}
}

func TestResolverFails(t *testing.T) {
	t.Parallel()
	s := startNameServer(t)
	s.set("empty.")
	for host, want := range map[string]string{
		"nowhere": "lookup nowhere: no such name", "empty": "lookup empty: no such name",
	} {
		if got, _, err := lookup(t, host, s); err == nil || err.Error() != want {
			t.Errorf("%s: %s, %v; want %s", host, got, err, want)
		}
	}
	s.behave(manner{code: dnsmessage.RCodeServerFailure})
	want := fmt.Sprintf("lookup web: name server %v: answers ServerFailure", s.addr)
	if got, _, err := lookup(t, "web", s); err == nil || err.Error() != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestResolverGoesByTheFiles(t *testing.T) {
	t.Parallel()
	s := startNameServer(t)
	s.set("web.svc.local.", address("web.svc.local.", 5, "192.0.2.1"))
	s.set("web.other.", address("web.other.", 5, "192.0.2.2"))
	r := isolated(t, "search nowhere svc.local\noptions ndots:2\n", s)
	for host, want := range map[string]string{
		"web": "[192.0.2.1]", "web.other": "[192.0.2.2]", "fixed": "[192.0.2.9]", "a.localhost": "[127.0.0.1 ::1]",
	} {
		if got, _, err := r.Addresses(t.Context(), host); fmt.Sprint(got) != want || err != nil {
			t.Errorf("%s: %v, %v; want %s", host, got, err, want)
		}
	}
}

func TestResolverListsServices(t *testing.T) {
	t.Parallel()
	const name = "_http._tcp.web."
	s := startNameServer(t)
	s.set(name, listing(name, 12, "B.example.", 81, 0), listing(name, 30, "a.example.", 80, 5))
	s.set("_http._tcp.none.", listing("_http._tcp.none.", 12, ".", 0, 0))
	r := isolated(t, "", s)
	got, holds, err := r.Services(t.Context(), "_http._tcp.web")
	if fmt.Sprint(got) != "[{a.example 80 5} {b.example 81 1}]" || holds != 12*time.Second || err != nil {
		t.Errorf("got %v for %v, %v", got, holds, err)
	}
	if got, _, err := r.Services(t.Context(), "_http._tcp.none"); err == nil {
		t.Errorf("a service that does not exist lists %v", got)
	}
}

// A server that nobody listens at tells so at once by ICMP, which must not be taken for an answer.
func TestResolverPassesOverADeadServer(t *testing.T) {
	t.Parallel()
	s := startNameServer(t)
	s.set("web.", address("web.", 7, "192.0.2.1"))
	r := isolated(t, "", s)
	r.Servers = append([]netip.AddrPort{netip.MustParseAddrPort(refusing(t))}, r.Servers...)
	if got, _, err := r.Addresses(t.Context(), "web"); fmt.Sprint(got) != "[192.0.2.1]" || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
