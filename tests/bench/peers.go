//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// A proxy is a running lb, nginx or HAProxy, or a server of backends that is one of their kind.
type proxy struct {
	name     string
	address  string
	command  *exec.Cmd
	log      string // file with all that it printed, but for an access log
	ended    chan struct{}
	logLines *atomic.Int64 // that it wrote to the pipe; nil where there is none
}

func newProxy(name, dir string, port int) *proxy {
	return &proxy{
		name:    name,
		address: localAddress(port),
		log:     filepath.Join(dir, fmt.Sprintf("log-%d", port)),
		ended:   make(chan struct{}),
	}
}

func (p *proxy) pid() int { return p.command.Process.Pid }

// start starts a proxy in front of backends, on a free port, and waits until it serves.
func (b *bench) start(ctx context.Context, name string, backends scheme) (*proxy, error) {
	p, err := b.execute(ctx, name, backends)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// execute starts a proxy and does not wait.
func (b *bench) execute(ctx context.Context, name string, backends scheme) (*proxy, error) {
	behind, err := b.behind(ctx, backends)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, fmt.Sprintf("%s-%d", strings.ReplaceAll(name, ">", "-"), port))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	command, err := b.command(name, setting{dir, port, b.options.workers, behind})
	if err != nil {
		return nil, err
	}
	p := newProxy(name, dir, port)
	return p, p.launchLogging(command)
}

// command writes the configuration of a proxy, where it has one, and gives its command line.
func (b *bench) command(name string, s setting) ([]string, error) {
	config := filepath.Join(s.dir, "config")
	switch name {
	case "lb", lbLogNull, lbLogPipe:
		return b.lbCommand(name, s), nil
	case "nginx":
		return []string{"nginx", "-p", s.dir, "-c", config, "-e", "stderr"},
			os.WriteFile(config, []byte(nginxConfig(s)), 0o644)
	case "haproxy":
		return []string{"haproxy", "-db", "-f", config}, os.WriteFile(config, []byte(haproxyConfig(s)), 0o644)
	}
	return nil, fmt.Errorf("no such proxy %q; there are lb, nginx, haproxy", name)
}

func (b *bench) lbCommand(name string, s setting) []string {
	line := []string{
		b.options.lb, "-p", strconv.Itoa(s.port), "-w", strconv.Itoa(s.workers), "--mode", b.options.mode,
		"--control-socket", filepath.Join(s.dir, "control.sock"),
	}
	for _, address := range s.behind.addresses {
		if s.behind.scheme != plain {
			address = string(s.behind.scheme) + "://" + address
		}
		line = append(line, "-b", address)
	}
	if s.behind.scheme == tls {
		line = append(line, "--insecure") // as the others
	}
	if name == "lb" {
		return append(line, "-l", "err", "--access-log", "off")
	}
	return append(line, "-l", "info", "--access-log", "on")
}

// launch starts the process in a group of its own: a Ctrl-C is for us, and stop reaches every worker. What it prints
// goes to its log; its standard output elsewhere if that is given.
func (p *proxy) launch(arguments []string, stdout *os.File) error {
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer log.Close()
	p.command = exec.Command(arguments[0], arguments[1:]...)
	if err := findServer(p.command); err != nil {
		return err
	}
	p.command.Stdout, p.command.Stderr = log, log
	if stdout != nil {
		p.command.Stdout = stdout
	}
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := p.command.Start(); err != nil {
		return err
	}
	go func() {
		_ = p.command.Wait() // how it ended does not matter: only stop ends it, or await has told
		close(p.ended)
	}()
	return nil
}

// findServer looks where Debian puts servers too: that is not on the path of every user.
func findServer(command *exec.Cmd) error {
	if command.Err == nil {
		return nil
	}
	full := filepath.Join("/usr/sbin", command.Path)
	if _, err := os.Stat(full); err != nil {
		return fmt.Errorf("%w (task install-peers)", command.Err)
	}
	command.Path, command.Err = full, nil
	return nil
}

// await returns when the port accepts connections.
func (p *proxy) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("ended at once: %s", p.printed())
		case <-ctx.Done():
			return fmt.Errorf("does not listen on %s: %s", p.address, p.printed())
		case <-retry.C:
		}
	}
}

// printed is the end of the proxy's output.
func (p *proxy) printed() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text[max(0, len(text)-2000):]))
}

// stop ends the proxy and all its processes.
func (p *proxy) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM) // fails only when it has ended
	select {
	case <-p.ended:
	case <-time.After(patience):
	}
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL) // what is left of its group, mostly nothing
	<-p.ended
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func localAddress(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// lines joins a line per backend.
func lines(addresses []string, format string) string {
	var text strings.Builder
	for i, address := range addresses {
		fmt.Fprintf(&text, format, i, address)
	}
	return text.String()
}
