package mp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"lb/messages"
)

// actor plays a process: what it does with its end of the link, until it is killed.
type actor struct {
	play   func(l *Link, killed <-chan struct{}) Exit
	done   chan Exit
	killed chan struct{}
	once   sync.Once
	waited bool
}

func (a *actor) Number() int { return 4711 }

func (a *actor) Wait() (Exit, error) {
	exit := <-a.done
	a.waited = true
	return exit, nil
}

func (a *actor) Signal(s syscall.Signal) error {
	if s == syscall.SIGKILL {
		a.once.Do(func() { close(a.killed) })
	}
	return nil
}

// theatre is the kernel, except that processes are played, and that it counts the descriptors it gave out.
type theatre struct {
	t       *testing.T
	actor   *actor
	refuse  error
	args    []string
	env     []string
	running sync.WaitGroup
}

func (th *theatre) spawn(_ string, run func()) { th.running.Go(run) }

func (th *theatre) system() system {
	s := kernel()
	s.start = func(path string, args []string, attributes *syscall.ProcAttr) (process, error) {
		th.args, th.env = args, attributes.Env
		if th.refuse != nil {
			return nil, th.refuse
		}
		link := attributes.Files[inheritedFrom(th.t, attributes.Env).Descriptor]
		fd, err := unix.Dup(int(link))
		if err != nil {
			return nil, err
		}
		l, err := newLink(kernel(), fd, th.spawn)
		if err != nil {
			return nil, err
		}
		a := th.actor
		a.done, a.killed = make(chan Exit, 1), make(chan struct{})
		th.running.Go(func() {
			exit := a.play(l, a.killed)
			l.Close(time.Second)
			a.done <- exit
		})
		return a, nil
	}
	return s
}

func inheritedFrom(t *testing.T, env []string) *Inheritance {
	t.Helper()
	for _, entry := range env {
		if text, found := strings.CutPrefix(entry, variable+"="); found {
			t.Setenv(variable, text)
		}
	}
	text := os.Getenv(variable)
	os.Unsetenv(variable)
	i := &Inheritance{}
	if err := json.Unmarshal([]byte(text), i); err != nil {
		t.Errorf("the inheritance %q: %v", text, err)
	}
	return i
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	return len(entries)
}

var handedOver = messages.HandedOver{Upgrades: messages.Upgrades{messages.Upgraded: 3}}

// upgrade has an upgrade done with a process that plays, and returns what became of it.
func upgrade(t *testing.T, play func(*Link, <-chan struct{}) Exit, refuse error, within time.Duration,
	cancel bool,
) (*actor, error) {
	t.Helper()
	before := openDescriptors(t)
	th := &theatre{t: t, actor: &actor{play: play}, refuse: refuse}
	u := Upgrade{
		Start: Start{Path: "/new/lb", Args: []string{"lb", "-p", "1"}, Role: Successor}, State: handedOver, Within: within,
	}
	if cancel {
		over := make(chan struct{})
		close(over)
		u.Cancel = over
	}
	child, err := u.do(th.system(), th.spawn)
	if err == nil {
		child.Kill()
		child.Link.Close(0)
	}
	th.running.Wait()
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
	if want := []string{"lb", "-p", "1"}; !reflect.DeepEqual(th.args, want) {
		t.Errorf("started with %q, want %q", th.args, want)
	}
	return th.actor, err
}

func untilKilled(_ *Link, killed <-chan struct{}) Exit {
	<-killed
	return Exit{Code: -1, Signal: syscall.SIGKILL}
}

func TestUpgradeEndsWhenTheNewProcessServes(t *testing.T) {
	var told any
	a, err := upgrade(t, func(l *Link, killed <-chan struct{}) Exit {
		told, _, _ = l.Receive()
		l.Send(messages.Ready{})
		return untilKilled(l, killed)
	}, nil, time.Minute, false)
	if err != nil || !a.waited {
		t.Errorf("%v, waited for: %v", err, a.waited)
	}
	if !reflect.DeepEqual(told, handedOver) {
		t.Errorf("told %+v, want %+v", told, handedOver)
	}
}

func TestFailedUpgradesLeaveNothingBehind(t *testing.T) {
	for name, c := range map[string]struct {
		refuse error
		play   func(*Link, <-chan struct{}) Exit
		within time.Duration
		cancel bool
		result messages.UpgradeResult
		why    string
	}{
		"missing file": {
			refuse: unix.ENOENT, result: messages.UpgradeNotStarted, why: "start /new/lb: no such file or directory",
		},
		"not executable": {
			refuse: unix.EACCES, result: messages.UpgradeNotStarted, why: "start /new/lb: permission denied",
		},
		"exit at once": {
			play:   func(*Link, <-chan struct{}) Exit { return Exit{Code: 3} },
			result: messages.UpgradeExited, why: "the new process ended before it served: exit code 3",
		},
		"crash": {
			play: func(l *Link, _ <-chan struct{}) Exit {
				l.Receive()
				return Exit{Code: -1, Signal: syscall.SIGSEGV}
			},
			result: messages.UpgradeExited, why: "the new process ended before it served: killed by SIGSEGV",
		},
		"wrong configuration": {
			play: func(l *Link, _ <-chan struct{}) Exit {
				l.Receive()
				l.Send(messages.Unfit{Why: "no backend"})
				return Exit{Code: 2}
			},
			result: messages.UpgradeRejected, why: "no backend",
		},
		"hang": {
			play: untilKilled, within: 20 * time.Millisecond,
			result: messages.UpgradeLate, why: "the new process does not serve after 20ms",
		},
		"cancelled": {
			play: untilKilled, cancel: true,
			result: messages.UpgradeCancelled, why: errCancelled.Error(),
		},
		"hang without the link": {
			play: func(l *Link, killed <-chan struct{}) Exit {
				l.Close(0)
				return untilKilled(l, killed)
			},
			within: 20 * time.Millisecond, result: messages.UpgradeLate, why: "the new process does not serve after 20ms",
		},
	} {
		if c.within == 0 {
			c.within = time.Minute
		}
		a, err := upgrade(t, c.play, c.refuse, c.within, c.cancel)
		var failed *UpgradeError
		if !errors.As(err, &failed) || failed.Result != c.result || err.Error() != c.why {
			t.Errorf("%s: %#v, want %q because of %q", name, err, c.result, c.why)
		}
		if c.refuse == nil && !a.waited {
			t.Errorf("%s: the process was not waited for", name)
		}
	}
}

func TestLinkCarriesDescriptors(t *testing.T) {
	before := openDescriptors(t)
	var running sync.WaitGroup
	spawn := func(_ string, run func()) { running.Go(run) }
	a, b := linked(t, spawn)
	const many = 3*maxRights + 1
	var given []int
	for range many {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, fd)
	}
	if err := a.Give(messages.ConnectionsMoved{}, given); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(messages.Lend{Socket: 7}, 0); err != nil {
		t.Fatal(err)
	}
	arrived := 0
	for arrived < many {
		value, rights, err := b.Receive()
		if err != nil || value != (messages.ConnectionsMoved{}) {
			t.Fatalf("%v, %v", value, err)
		}
		arrived += len(rights)
		closeAll(kernel(), rights)
	}
	value, rights, err := b.Receive()
	if err != nil || value != (messages.Lend{Socket: 7}) || len(rights) != 1 || arrived != many {
		t.Errorf("%v with %d descriptors, %v; %d before, want %d", value, len(rights), err, arrived, many)
	}
	closeAll(kernel(), rights)
	a.Close(time.Second)
	if _, _, err := b.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	b.Close(0)
	running.Wait()
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func linked(t *testing.T, spawn Spawn) (a, b *Link) {
	t.Helper()
	ours, theirs, err := pair()
	if err == nil {
		a, err = newLink(kernel(), ours, spawn)
	}
	if err == nil {
		b, err = newLink(kernel(), theirs, spawn)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestLinkClosesWhatItCannotSend(t *testing.T) {
	before := openDescriptors(t)
	var running sync.WaitGroup
	a, b := linked(t, func(_ string, run func()) { running.Go(run) })
	b.Close(0)
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Give(messages.ConnectionsMoved{}, []int{fd}); err != nil {
		t.Errorf("the failure shows before anything was sent: %v", err)
	}
	a.Close(time.Second)
	if err := a.Send(messages.Beat{}); err == nil {
		t.Error("a closed link takes values")
	}
	running.Wait()
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func TestEnvironmentOfAChild(t *testing.T) {
	for _, name := range append([]string{"LB_PORT", "GOMAXPROCS"}, notInherited...) {
		t.Setenv(name, "old")
	}
	env, err := environment(Start{Env: []string{"GOMAXPROCS=2"}}, Inheritance{Role: Worker, Descriptor: 3})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if _, twice := got[name]; twice {
			t.Errorf("%s twice", name)
		}
		got[name] = value
	}
	for name, want := range map[string]string{
		"LB_PORT": "old", "GOMAXPROCS": "2", "LISTEN_FDS": "", "WATCHDOG_PID": "",
		variable: `{"role":"worker","sockets":null,"link":3}`,
	} {
		if got[name] != want {
			t.Errorf("%s=%s, want %s", name, got[name], want)
		}
	}
}

// The reaper follows a chain of upgrades to its end, and never takes another process's end for that of the main one.
func TestReaperEndsWithTheLastThatTookOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		announced := make(chan string, 1)
		dead := make(chan corpse)
		var killed []string
		r := &Reaper{sys: reaping{
			read: func(_ int, b []byte) (int, error) {
				select {
				case line := <-announced:
					return copy(b, line), nil
				default:
					return -1, unix.EAGAIN
				}
			},
			reap: func() (int, Exit, error) {
				c, more := <-dead
				if !more {
					return 0, Exit{}, unix.ECHILD
				}
				return c.pid, c.exit, nil
			},
			kill: func(pid int, s syscall.Signal) error {
				killed = append(killed, fmt.Sprint(pid, " ", s))
				return nil
			},
		}}
		signals := make(chan os.Signal)
		ended := make(chan Exit, 1)
		second := &Child{PID: 2, done: make(chan struct{})}
		spawn := func(_ string, run func()) { go run() }
		go func() { ended <- r.Run(second, signals, spawn) }()
		signals <- syscall.SIGHUP
		dead <- corpse{9, Exit{Code: 1}} // an orphan
		announced <- "2\n3\n"
		dead <- corpse{2, Exit{}}
		signals <- syscall.SIGTERM
		synctest.Wait()
		select {
		case exit := <-ended:
			t.Fatalf("ended with %v while the third runs", exit)
		default:
		}
		dead <- corpse{3, Exit{Code: 7}}
		if exit := <-ended; exit != (Exit{Code: 7}) {
			t.Errorf("ended with %v", exit)
		}
		close(dead)
		if want := []string{"2 hangup", "3 terminated"}; !reflect.DeepEqual(killed, want) {
			t.Errorf("signals passed on: %q, want %q", killed, want)
		}
	})
}
