package main

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"lb/messages"
)

func TestServeSaysWhatItServes(t *testing.T) {
	b := newStandIn()
	pid := filepath.Join(t.TempDir(), "lb.pid")
	s := begin(t, b, "-b", "127.0.0.1:1,weight=3", "-b", "h:2", "--host", "127.0.0.1", "-p0", "-w3", "-sweighted",
		"--pid-file", pid)
	entry := s.entry(t, "serving")
	address, err := netip.ParseAddrPort(entry["address"].(string))
	if err != nil || address.Port() == 0 || address.Addr() != netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
		t.Errorf("address %v, %v", entry["address"], err)
	}
	when := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	if !when.MatchString(entry["time"].(string)) {
		t.Errorf("time %v is not in UTC with milliseconds", entry["time"])
	}
	delete(entry, "address")
	delete(entry, "time")
	want := map[string]any{
		"level": "info", "logger": "lb", "message": "serving", "version": version,
		"workers": 3.0, "strategy": "weighted", "backends": 2.0,
	}
	if !reflect.DeepEqual(entry, want) {
		t.Errorf("got %v, want %v", entry, want)
	}
	if text, err := os.ReadFile(pid); err != nil || string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("pid file: %q, %v", text, err)
	}
	s.signals <- syscall.SIGTERM
	if code := s.end(t); code != exitOK || s.stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", code, &s.stderr)
	}
	if _, err := os.Stat(pid); !os.IsNotExist(err) {
		t.Errorf("the pid file is left: %v", err)
	}
}

func TestSignalsDrain(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		b := newStandIn()
		s := begin(t, b, "-b", "127.0.0.1:1", "-p0")
		s.entry(t, "serving")
		s.signals <- sig
		if within := <-b.within; within != 30*time.Second {
			t.Errorf("%v drains within %v, want 30 s", sig, within)
		}
		if code := s.end(t); code != exitOK {
			t.Errorf("%v: exit code %d", sig, code)
		}
		if got, want := s.entry(t, "draining")["signal"], signalName(sig); got != want || !strings.HasPrefix(want, "SIG") {
			t.Errorf("the log names %v, want %v", got, want)
		}
		s.entry(t, "drained")
	}
}

func TestHangUpReloads(t *testing.T) {
	b := newStandIn()
	b.reloads = make(chan struct{})
	s := begin(t, b, "-b", "127.0.0.1:1", "-p0")
	s.entry(t, "serving")
	for range 3 {
		s.signals <- syscall.SIGHUP
		<-b.reloads
	}
	s.signals <- syscall.SIGTERM
	if code := s.end(t); code != exitOK || <-b.within != drainTime {
		t.Errorf("exit code %d, stderr %q", code, &s.stderr)
	}
}

func TestHangUpWithoutAFile(t *testing.T) {
	b := newStandIn()
	s := begin(t, b, "-b", "127.0.0.1:1", "-p0")
	s.entry(t, "serving")
	s.signals <- syscall.SIGHUP
	s.entry(t, "SIGHUP: there is no configuration file to read")
	s.signals <- syscall.SIGTERM
	if code := s.end(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// A SIGHUP in a drain is not the second signal that cuts it off.
func TestHangUpDoesNotEndADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStandIn()
		b.stuck = true
		signals := make(chan os.Signal)
		p := program{stdout: newTranscript(), signals: signals}
		log := p.openLog(zerolog.InfoLevel)
		result := make(chan error, 1)
		go func() { result <- p.untilEnd(b, end{within: drainTime}, log) }()
		signals <- syscall.SIGTERM
		signals <- syscall.SIGHUP
		b.ended <- nil
		if err := <-result; err != nil {
			t.Error(err)
		}
		log.close()
	})
}

// What timeout(1) sends to the process and to its group is one order.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := newStandIn()
			b.stuck = true
			signals := make(chan os.Signal)
			p := program{stdout: newTranscript(), signals: signals}
			log := p.openLog(zerolog.InfoLevel)
			result := make(chan error, 1)
			go func() { result <- p.untilEnd(b, end{within: drainTime, delay: delay}, log) }()
			signals <- syscall.SIGTERM
			signals <- syscall.SIGTERM
			time.Sleep(oneOrder - 1) // of the bubble, as below
			signals <- syscall.SIGINT
			synctest.Wait()
			select {
			case err := <-result:
				t.Errorf("delay %v: an echo of the first signal ends it: %v", delay, err)
			default:
				time.Sleep(time.Nanosecond)
				signals <- syscall.SIGINT
				if err := <-result; !errors.Is(err, errCutShort) {
					t.Errorf("delay %v: ended with %v", delay, err)
				}
			}
			b.ended <- nil
			log.close()
		})
	}
}

func TestStuckDrainIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStandIn()
		b.stuck = true
		signals := make(chan os.Signal, 1)
		p := program{stdout: newTranscript(), signals: signals}
		log := p.openLog(zerolog.InfoLevel)
		signals <- syscall.SIGTERM
		began := time.Now()
		err := p.untilEnd(b, end{within: drainTime}, log)
		if !errors.Is(err, errDrainLate) || time.Since(began) != drainTime+drainGrace {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		b.ended <- nil
		log.close()
	})
}

func TestBalancerThatFailsEndsTheProgram(t *testing.T) {
	b := newStandIn()
	s := begin(t, b, "-b", "127.0.0.1:1", "-p0")
	b.ended <- errors.New("no worker is left")
	if code := s.end(t); code != exitFailure || s.stderr.String() != "lb: no worker is left\n" {
		t.Errorf("exit code %d, stderr %q", code, &s.stderr)
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := netip.MustParseAddrPort(taken.Addr().String())
	args := []string{"-b", "127.0.0.1:1", "--host", "127.0.0.1", "-p", strconv.Itoa(int(at.Port()))}
	want := result{exitFailure, "", "lb: listen " + at.String() + ": address already in use\n"}
	if got := lb(t, nil, args...); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPIDFileThatCannotBeWrittenEndsTheProgram(t *testing.T) {
	b := newStandIn()
	path := filepath.Join(t.TempDir(), "missing", "lb.pid")
	s := begin(t, b, "-b", "127.0.0.1:1", "-p0", "--pid-file", path)
	if code := s.end(t); code != exitFailure || s.stderr.String() != "lb: pid file "+path+": no such file or directory\n" {
		t.Errorf("exit code %d, stderr %q", code, &s.stderr)
	}
	if within := <-b.within; within != 0 {
		t.Errorf("drained within %v, want at once", within)
	}
}

// configOf returns what the balancer is started with.
func configOf(t *testing.T, args ...string) messages.Config {
	t.Helper()
	b := newStandIn()
	b.ended <- nil
	s := begin(t, b, append(args, "--host", "127.0.0.1", "-p0", "-w1")...)
	if code := s.end(t); code != exitOK {
		t.Fatalf("lb %q: exit code %d, stderr %q", args, code, &s.stderr)
	}
	return b.config
}

func backend(t *testing.T, s string) messages.Backend {
	t.Helper()
	b, err := messages.ParseBackend(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDefaults(t *testing.T) {
	want := messages.DefaultConfig()
	want.Backends = []messages.Backend{backend(t, "a:1")}
	if got := configOf(t, "-b", "a:1"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestEachFlagReachesTheConfiguration(t *testing.T) {
	flags := "-b a:1,weight=2 --backend=[::1]:9 --strategy=Random --host-header backend --access-log on " +
		"--connect-timeout 1s --header-timeout 2s --body-timeout 3s --response-timeout 4s --idle-timeout 5s " +
		"--tunnel-timeout 6m --max-header-bytes 16k --max-body-bytes 10MB --max-connections 70 " +
		"--trusted-proxy 10.0.0.0/8 --trusted-proxy ::1 --health-type tcp --health-path /up --health-status 200-299 " +
		"--health-interval 8s --health-timeout 9s --health-fall 10 --health-rise 11 --fail-open --slow-start 12s " +
		"--hash-key cookie:id --sticky lb --queue 13 --queue-timeout 14s"
	want := messages.Config{
		Backends: []messages.Backend{backend(t, "a:1,weight=2"), backend(t, "[::1]:9")},
		Strategy: messages.Random,
		Timeouts: messages.Timeouts{
			Connect: time.Second, Header: 2 * time.Second, Body: 3 * time.Second, Response: 4 * time.Second,
			Idle: 5 * time.Second, Tunnel: 6 * time.Minute,
		},
		Limits: messages.Limits{
			HeaderBytes: 16384, BodyBytes: 1e7, Connections: 70, Queue: 13, QueueTime: 14 * time.Second,
		},
		Health: messages.Health{
			Type: messages.HealthTCP, Path: "/up", Lowest: 200, Highest: 299, Interval: 8 * time.Second,
			Timeout: 9 * time.Second, Fall: 10, Rise: 11,
		},
		FailOpen: true, SlowStart: 12 * time.Second, HashKey: messages.Key{Kind: messages.KeyCookie, Name: "id"}, Sticky: "lb",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		HostHeader:     messages.HostBackend,
		AccessLog:      messages.AccessOn,
	}
	if got := configOf(t, strings.Fields(flags)...); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestEnvironmentIsReadAndFlagsWin(t *testing.T) {
	t.Setenv("LB_BACKEND", "a:1,weight=2  b:2")
	t.Setenv("LB_STRATEGY", "random")
	t.Setenv("LB_BODY_TIMEOUT", "7s")
	got := configOf(t, "--body-timeout", "8s")
	want := messages.DefaultConfig()
	want.Backends = []messages.Backend{backend(t, "a:1,weight=2"), backend(t, "b:2")}
	want.Strategy = messages.Random
	want.Timeouts.Body = 8 * time.Second
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := configOf(t, "-b", "c:3").Backends; !reflect.DeepEqual(got, []messages.Backend{backend(t, "c:3")}) {
		t.Errorf("-b beside LB_BACKEND: %v", got)
	}
}

func TestCleanEnvironment(t *testing.T) {
	t.Setenv("LB_STRATEGY", "")
	t.Setenv("LB_PORT", "tcp://10.0.0.1:80")
	t.Setenv("LB_BACKENDS", "a:1")
	t.Setenv("LB_SERVICE_HOST", "10.0.0.1")
	t.Setenv("LB_MODE", "sp")
	got := cleanEnvironment()
	want := []string{
		"LB_BACKENDS is no setting and is ignored; did you mean LB_BACKEND?",
		"LB_PORT is of a Kubernetes service and is ignored: tcp://10.0.0.1:80",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for name, want := range map[string]bool{"LB_STRATEGY": false, "LB_PORT": false, "LB_MODE": true} {
		if _, set := os.LookupEnv(name); set != want {
			t.Errorf("%s is set: %v, want %v", name, set, want)
		}
	}
}

func TestDrainTimeout(t *testing.T) {
	b := newStandIn()
	s := begin(t, b, "-b", "127.0.0.1:1", "-p0", "--drain-timeout", "7s")
	s.entry(t, "serving")
	s.signals <- syscall.SIGTERM
	if within := <-b.within; within != 7*time.Second {
		t.Errorf("drains within %v, want 7 s", within)
	}
	s.end(t)
}

func TestWorkersByDefault(t *testing.T) {
	b := newStandIn()
	s := begin(t, b, "-b", "a:1", "-p0")
	if got := s.entry(t, "serving")["workers"]; got != float64(processors) {
		t.Errorf("%v workers", got)
	}
	s.signals <- syscall.SIGTERM
	s.end(t)
}

func TestLogLevel(t *testing.T) {
	b := newStandIn()
	b.ended <- nil
	s := begin(t, b, "-b", "a:1", "-p0", "-lwarning")
	if s.end(t); s.stdout.String() != "" {
		t.Errorf("at level warning: %q", s.stdout)
	}
}
