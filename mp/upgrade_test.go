package mp

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
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
	ready  messages.Ready
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
		th.actor.ready = child.Ready
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
		l.Send(messages.Ready{Takes: []string{"a"}})
		return untilKilled(l, killed)
	}, nil, time.Minute, false)
	if err != nil || !a.waited {
		t.Errorf("%v, waited for: %v", err, a.waited)
	}
	if !slices.Equal(a.ready.Takes, []string{"a"}) {
		t.Errorf("the new process takes %q", a.ready.Takes)
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
