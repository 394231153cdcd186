package actors

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"lb/messages"
)

// FuzzAnswer holds that whatever comes in a datagram is an error, or records of the kind that was asked for, which name
// nothing but hosts.
func FuzzAnswer(f *testing.F) {
	name := dnsmessage.MustNewName("web.")
	kinds := []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypeSRV}
	f.Add(query(1, name, dnsmessage.TypeA))
	for _, body := range []dnsmessage.ResourceBody{
		&dnsmessage.AResource{A: [4]byte{10, 0, 0, 1}}, &dnsmessage.AAAAResource{AAAA: [16]byte{10: 0xff, 0xff, 10}},
		&dnsmessage.SRVResource{Port: 80, Weight: 5, Target: dnsmessage.MustNewName("A.b.")},
		&dnsmessage.SRVResource{Port: 80, Target: dnsmessage.MustNewName("a\r\nb.")},
		&dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("a.")},
	} {
		for _, kind := range kinds {
			f.Add(packed(f, name, kind, body))
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		for _, kind := range kinds {
			r, err := parseAnswer(message, 1, name, kind)
			if err != nil && r == nil {
				continue
			}
			services := kind == dnsmessage.TypeSRV
			if err != nil || (len(r.addresses) > 0) == services || (len(r.servers) > 0) != services {
				t.Fatalf("asked for %v: %+v with the error %v", kind, r, err)
			}
			if slices.ContainsFunc(r.addresses, func(a netip.Addr) bool { return !a.IsValid() || a.Is4In6() }) {
				t.Fatalf("addresses %v", r.addresses)
			}
			if holds := r.holds(); holds < minTTL || holds > maxTTL {
				t.Fatalf("holds for %v", holds)
			}
			checkServices(t, r.services())
		}
	})
}

func packed(f *testing.F, name dnsmessage.Name, kind dnsmessage.Type, body dnsmessage.ResourceBody) []byte {
	f.Helper()
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 1, Response: true},
		Questions: []dnsmessage.Question{{Name: name, Type: kind, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 5}, Body: body,
		}},
	}
	message, err := answer.Pack()
	if err != nil {
		f.Fatal(err)
	}
	return message
}

func checkServices(t *testing.T, list []Service) {
	t.Helper()
	for i, s := range list {
		b := messages.Backend{Host: s.Host, Port: s.Port, Weight: s.Weight}
		if same, err := messages.ParseBackend(b.ID()); err != nil || same.Host != s.Host || same.Port != s.Port {
			t.Fatalf("%+v is no backend: %v", s, err)
		}
		if s.Weight < 1 || s.Weight > messages.MaxWeight || i > 0 && compareServices(list[i-1], s) >= 0 {
			t.Fatalf("%+v among %+v", s, list)
		}
	}
}

// FuzzResolverFiles holds that whatever a resolv.conf and a hosts file say stays within bounds, and that comments mean
// nothing.
func FuzzResolverFiles(f *testing.F) {
	for _, seed := range []string{
		"domain old\nsearch svc.local. local ; x\nnameserver fe80::1%eth0\noptions ndots:5 timeout:30\n",
		"options ndots:-1\r\n",
		"nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver ::1\nnameserver 1.1.1.4\nsearch . .. a..\n",
		"127.0.0.1 localhost\n10.0.0.2\tweb Web.a # b\n::ffff:10.0.0.2 web\n",
	} {
		f.Add(seed, "web")
		f.Add(seed, "web.a.")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		conf := parseResolvConf(text)
		wrong := func(a netip.AddrPort) bool { return !a.Addr().IsValid() || a.Port() != dnsPort }
		if n := len(conf.servers); n < 1 || n > maxServers || slices.ContainsFunc(conf.servers, wrong) {
			t.Fatalf("servers %v", conf.servers)
		}
		if conf.dots < 0 || conf.dots > maxDots || len(conf.search) > maxSearch || conf.timeout <= 0 {
			t.Fatalf("%+v", conf)
		}
		full := conf.candidates(name)
		if !slices.Contains(full, strings.TrimSuffix(name, ".")+".") || len(full) > 1+len(conf.search) ||
			slices.ContainsFunc(full, func(s string) bool { return !strings.HasSuffix(s, ".") }) {
			t.Fatalf("candidates %q", full)
		}
		found := hostsEntries(text, name)
		for i, a := range found {
			if !a.IsValid() || a.Is4In6() || i > 0 && found[i-1].Compare(a) >= 0 {
				t.Fatalf("found %v", found)
			}
		}
		if remarked := hostsEntries("# 1.1.1.1 "+name+"\n"+text, name); !slices.Equal(found, remarked) {
			t.Fatalf("found %v, with a comment %v", found, remarked)
		}
	})
}
