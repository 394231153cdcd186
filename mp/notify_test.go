package mp

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestManagerIsFoundInTheEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want Manager
	}{
		"nobody":    {nil, Manager{}},
		"somebody":  {map[string]string{"NOTIFY_SOCKET": "/n"}, Manager{address: "/n"}},
		"a watcher": {map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "3000000"}, Manager{"/n", 3 * time.Second}},
		"its own process": {map[string]string{
			"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": strconv.Itoa(os.Getpid()),
		}, Manager{"/n", time.Millisecond}},
		"another process": {map[string]string{
			"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1",
		}, Manager{address: "/n"}},
	} {
		for _, variable := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
			t.Setenv(variable, c.env[variable])
		}
		if got := FindManager(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestManagerIsTold(t *testing.T) {
	at := filepath.Join(t.TempDir(), "n")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	m := Manager{address: at}
	for want, say := range map[string]func() error{
		"READY=1\nSTATUS=all is well": func() error { return m.Ready("all is well") },
		"STOPPING=1\nSTATUS=bye":      func() error { return m.Stopping("bye") },
		"MAINPID=7":                   func() error { return m.Main(7) },
		"WATCHDOG=1":                  m.Alive,
	} {
		if err := say(); err != nil {
			t.Fatal(err)
		}
		words := make([]byte, 100)
		n, err := socket.Read(words)
		if err != nil || string(words[:n]) != want {
			t.Errorf("heard %q, %v; want %q", words[:n], err, want)
		}
	}
	socket.Close()
	if err := m.Alive(); err == nil || !strings.HasPrefix(err.Error(), "notify: ") {
		t.Errorf("without a manager: %v", err)
	}
	if err := (Manager{}).Alive(); err != nil {
		t.Errorf("without one in the environment: %v", err)
	}
}

func TestSocketsAreForTheProcessThatIsNamed(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "2")
	if fds, err := Activated(); fds != nil || err != nil {
		t.Errorf("for another process: %v, %v", fds, err)
	}
	if _, there := os.LookupEnv("LISTEN_FDS"); there {
		t.Error("the variables are left for children")
	}
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("LISTEN_FDS", "many")
	if fds, err := Activated(); err == nil {
		t.Errorf("not a number: %v", fds)
	}
}
