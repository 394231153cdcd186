//go:build linux

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestCertificateIsForLoopback(t *testing.T) {
	certificate, key, err := selfSigned(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(certificate)
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.VerifyHostname("127.0.0.1"); err != nil {
		t.Error(err)
	}
	block, _ = pem.Decode(key)
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		t.Error(err)
	}
}

func TestWhoTakesPart(t *testing.T) {
	f := func(name string, names []string, want ...string) {
		t.Helper()
		if got := allWorkloads.named(name).entrants(names); !slices.Equal(got, want) {
			t.Errorf("%s of %q: got %q, want %q", name, names, got, want)
		}
	}
	all := []string{"lb", "nginx", "haproxy"}
	f("tls-64", all, all...)
	f("h2c-64", all, "lb", "haproxy")
	f("access-log", all, "lb", lbLogNull, lbLogPipe)
	f("access-log", []string{"nginx", "haproxy"})
}

func TestSchemeOfBackendsIsToldToLB(t *testing.T) {
	f := func(s scheme, address string, insecure bool) {
		t.Helper()
		line := new(bench).lbCommand("lb", setting{behind: origins{s, []string{"127.0.0.1:9001"}}})
		if !slices.Contains(line, address) || slices.Contains(line, "--insecure") != insecure {
			t.Errorf("%q: got %q, want %s", s, line, address)
		}
	}
	f(plain, "127.0.0.1:9001", false)
	f(tls, "https://127.0.0.1:9001", true)
	f(h2c, "h2c://127.0.0.1:9001", false)
}

func TestLinesOfThePipeAreCounted(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	lines, done := new(atomic.Int64), make(chan struct{})
	go func() {
		countLines(out, lines)
		close(done)
	}()
	if _, err := in.Write(bytes.Repeat([]byte("{}\n"), 50_000)); err != nil {
		t.Fatal(err)
	}
	in.Close()
	<-done
	if lines.Load() != 50_000 {
		t.Errorf("got %d lines, want 50000", lines.Load())
	}
}

func TestShortVersion(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		if got := shortVersion(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	f("nginx version: nginx/1.22.1", "nginx 1.22.1")
	f("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", "HAProxy 2.6.12-1+deb12u4")
	f("lb v1.0.0 (go1.26.8 linux/amd64)", "lb v1.0.0")
	f("", "")
}
