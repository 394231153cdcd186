package actors

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestResolvConf(t *testing.T) {
	got := parseResolvConf(`# a comment
domain old.example
search svc.cluster.local. cluster.local ; another comment
nameserver 10.0.0.10
nameserver fe80::1%eth0
nameserver nonsense
nameserver 10.0.0.11
nameserver 10.0.0.12
options ndots:5 timeout:30 rotate
`)
	want := resolvConf{
		servers: []netip.AddrPort{
			netip.MustParseAddrPort("10.0.0.10:53"), netip.MustParseAddrPort("[fe80::1%eth0]:53"),
			netip.MustParseAddrPort("10.0.0.11:53"),
		},
		search: []string{"svc.cluster.local.", "cluster.local."}, dots: 5, timeout: firstTimeout,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if empty := parseResolvConf(""); empty.dots != 1 || fmt.Sprint(empty.servers) != "[127.0.0.1:53]" {
		t.Errorf("an empty file is read as %+v", empty)
	}
}

func TestCandidates(t *testing.T) {
	conf := resolvConf{search: []string{"svc.", "local."}, dots: 2}
	for name, want := range map[string][]string{
		"web":     {"web.svc.", "web.local.", "web."},
		"a.web":   {"a.web.svc.", "a.web.local.", "a.web."},
		"a.b.web": {"a.b.web.", "a.b.web.svc.", "a.b.web.local."},
		"web.":    {"web."},
	} {
		if got := conf.candidates(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestHostsFile(t *testing.T) {
	text := "127.0.0.1 localhost\n10.0.0.2\tweb Web.Example # web.other\n::2 web\nnonsense web\n10.0.0.2 web\n10.0.0.3\n"
	for host, want := range map[string]string{
		"web": "[10.0.0.2 ::2]", "web.example.": "[10.0.0.2]", "web.other": "[]", "10.0.0.3": "[]",
	} {
		if got := fmt.Sprint(hostsEntries(text, host)); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

func TestServiceRecords(t *testing.T) {
	srv := func(priority, weight, port uint16, target string) dnsmessage.SRVResource {
		return dnsmessage.SRVResource{
			Priority: priority, Weight: weight, Port: port, Target: dnsmessage.MustNewName(target),
		}
	}
	for want, servers := range map[string][]dnsmessage.SRVResource{
		"[{a 80 1} {b 81 7}]":     {srv(1, 7, 81, "B."), srv(1, 0, 80, "a."), srv(2, 5, 82, "c.")},
		"[{a 80 1000} {b 80 15}]": {srv(1, 65535, 80, "a."), srv(1, 1000, 80, "b.")},
		"[]":                      {srv(0, 0, 0, ".")},
		"[{a 80 1}]":              {srv(0, 1, 80, "a."), srv(0, 2, 80, "a.")},
		"[{b_1.c 80 1}]":          {srv(0, 1, 80, "a\r\nx:y."), srv(0, 1, 80, "a/b."), srv(0, 1, 80, "B_1.c.")},
	} {
		if got := fmt.Sprint((&records{servers: servers}).services()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRecordsHoldWithinBounds(t *testing.T) {
	for seconds, want := range map[uint32]time.Duration{0: minTTL, 30: 30 * time.Second, 1 << 31: maxTTL} {
		if got := (&records{ttl: seconds}).holds(); got != want {
			t.Errorf("%d s: %v, want %v", seconds, got, want)
		}
	}
}
