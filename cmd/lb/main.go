// Command lb balances HTTP requests over backends: lb -b 127.0.0.1:9001 -b 127.0.0.1:9002 -p 8080.
//
// It is the composition root: it reads the command line, builds the configuration, the log and the balancer, and turns
// what happened into an exit code: 0 for a clean end, 1 for a failure at run time, 2 for bad use.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"lb/mp"
	"lb/supervisor"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version = "devel"

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// program is what one run depends on outside itself.
type program struct {
	stdout   io.Writer
	stderr   io.Writer
	terminal bool // stdout is read by a person
	start    startFunc
	signals  <-chan os.Signal
	warnings []string  // to be logged once there is a log
	ending   time.Time // when the order to end came

	arguments []string // of this run, spelled out

	executable  string       // file that this program was started from
	predecessor *predecessor // that this one is to replace; nil: none
}

func main() {
	// A log collector that dies must not take the program along at its next line; the write fails with EPIPE instead.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1,
		syscall.SIGUSR2)
	// Whole seconds, in local time, are zerolog's default.
	zerolog.TimeFieldFormat = timeFormat
	zerolog.TimestampFunc = nowUTC
	inherited, err := mp.Inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lb: "+err.Error())
		os.Exit(exitUsage)
	}
	p := program{
		stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stdout), start: startBalancer, signals: signals,
		warnings: cleanEnvironment(),
	}
	os.Exit(p.begin(inherited))
}

// begin carries out the command line, in the place of another process if that has started this one for it.
func (p *program) begin(inherited *mp.Inheritance) (code int) {
	if inherited != nil && inherited.Role == mp.Worker {
		return p.work(inherited)
	}
	var err error
	if p.executable, err = ownFile(); err == nil && inherited != nil {
		p.predecessor, err = meet(inherited, &supervisor.Goroutines{})
	}
	if err != nil {
		fmt.Fprintln(p.stderr, "lb: "+err.Error())
		return exitFailure
	}
	return p.run(os.Args[1:])
}

// run carries out one command line and returns the exit code. An error is one line on stderr.
func (p *program) run(args []string) int {
	app := p.app()
	spelled, err := spellOut(args, app)
	if err == nil {
		p.arguments = spelled
		err = app.Run(append([]string{app.Name}, spelled...))
	}
	if err == nil {
		return exitOK
	}
	var passed *exitError
	if errors.As(err, &passed) {
		return passed.Status()
	}
	fmt.Fprintln(p.stderr, "lb: "+strings.ReplaceAll(err.Error(), "\n", " "))
	p.predecessor.unfit(err)
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

// isTerminal reports whether a person reads the file. /dev/null is a character device, too, and nobody reads it.
func isTerminal(f *os.File) bool {
	stat, err := f.Stat()
	if err != nil || stat.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(stat, null)
}
