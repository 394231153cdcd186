package mp

import (
	"fmt"
	"os"
	"reflect"
	"syscall"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
)

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

// The last process may end while the one before it still drains: then that one reaps it, and passes its end on.
func TestReaperEndsWithTheOneThatPassesTheEndOn(t *testing.T) {
	announced := []string{"3\n"}
	dead := []corpse{{2, Exit{Code: 9}}}
	r := &Reaper{sys: reaping{
		read: func(_ int, b []byte) (int, error) {
			if len(announced) == 0 {
				return -1, unix.EAGAIN
			}
			line := announced[0]
			announced = nil
			return copy(b, line), nil
		},
		reap: func() (int, Exit, error) {
			if len(dead) == 0 {
				return 0, Exit{}, unix.ECHILD
			}
			d := dead[0]
			dead = nil
			return d.pid, d.exit, nil
		},
	}}
	second := &Child{PID: 2, done: make(chan struct{}), exit: Exit{Code: -1}} // the reaper took its exit
	close(second.done)
	if exit := r.Run(second, nil, func(_ string, run func()) { go run() }); exit != (Exit{Code: 9}) {
		t.Errorf("ended with %v", exit)
	}
}
