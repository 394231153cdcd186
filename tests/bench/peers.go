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
	"syscall"
	"time"
)

// A proxy is a running lb, nginx or HAProxy.
type proxy struct {
	name    string
	address string
	command *exec.Cmd
	log     string // file with all that it printed
	ended   chan struct{}
}

func (p *proxy) pid() int { return p.command.Process.Pid }

// start starts a proxy in front of the backends, on a free port, and waits until it serves.
func (b *bench) start(ctx context.Context, name string) (*proxy, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, port))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	arguments, err := b.arguments(name, dir, port)
	if err != nil {
		return nil, err
	}
	p := &proxy{
		name:    name,
		address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		log:     filepath.Join(dir, "log"),
		ended:   make(chan struct{}),
	}
	if err := p.launch(arguments); err != nil {
		return nil, err
	}
	if err := p.await(ctx); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// arguments writes the configuration of a proxy, where it has one, and gives its command line.
func (b *bench) arguments(name, dir string, port int) ([]string, error) {
	config := filepath.Join(dir, "config")
	switch name {
	case "lb":
		line := []string{b.options.lb}
		for _, address := range b.backends.addresses {
			line = append(line, "-b", address)
		}
		return append(line, "-p", strconv.Itoa(port), "-w", strconv.Itoa(b.options.workers), "-l", "err",
			"--access-log", "off"), nil
	case "nginx":
		text := nginxConfig(dir, port, b.options.workers, b.backends.addresses)
		return []string{"nginx", "-p", dir, "-c", config, "-e", "stderr"}, os.WriteFile(config, []byte(text), 0o644)
	case "haproxy":
		text := haproxyConfig(port, b.options.workers, b.backends.addresses)
		return []string{"haproxy", "-db", "-f", config}, os.WriteFile(config, []byte(text), 0o644)
	}
	return nil, fmt.Errorf("no such proxy %q; there are lb, nginx, haproxy", name)
}

// launch starts the process in a group of its own: a Ctrl-C is for us, and stop reaches every worker.
func (p *proxy) launch(arguments []string) error {
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

// lines joins a line per backend.
func lines(addresses []string, format string) string {
	var text strings.Builder
	for i, address := range addresses {
		fmt.Fprintf(&text, format, i, address)
	}
	return text.String()
}
