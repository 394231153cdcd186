//go:build linux

package main

import (
	"bytes"
	"os"
	"sync/atomic"
)

// lb with a line of access log for each request.
const (
	lbLogNull = "lb>null" // to /dev/null: what it costs to make lines and to write them
	lbLogPipe = "lb>pipe" // to a pipe, as under systemd and in containers
)

// launchLogging starts a proxy with the standard output that its name asks for.
func (p *proxy) launchLogging(command []string) error {
	switch p.name {
	case lbLogNull:
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer null.Close()
		return p.launch(command, null)
	case lbLogPipe:
		return p.launchPiped(command)
	}
	return p.launch(command, nil)
}

func (p *proxy) launchPiped(command []string) error {
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close() // the child has its own: ours would keep the reader from its end
	if err := p.launch(command, in); err != nil {
		out.Close()
		return err
	}
	p.logLines = new(atomic.Int64)
	go countLines(out, p.logLines)
	return nil
}

// countLines reads as cheaply as one can, until the other side has gone. Lines that lb had to drop because nobody took
// them would make it look cheaper than it is, so they are counted.
func countLines(out *os.File, lines *atomic.Int64) {
	defer out.Close()
	buffer := make([]byte, 64<<10) // the size of a pipe
	for {
		n, err := out.Read(buffer)
		lines.Add(int64(bytes.Count(buffer[:n], []byte{'\n'})))
		if err != nil {
			return
		}
	}
}

// linesSoFar is 0 where the access log does not come here.
func (p *proxy) linesSoFar() int64 {
	if p.logLines == nil {
		return 0
	}
	return p.logLines.Load()
}
