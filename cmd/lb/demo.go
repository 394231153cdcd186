package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"lb/actors"
	"lb/messages"
	"lb/mp"
)

// demoHost is not open to the network: it is a demonstration.
var demoHost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

const (
	demoPort = 8080
	// demoPorts is how many ports are tried, beginning with demoPort.
	demoPorts = 100
	// demoTime bounds each of the demo's own requests, and its end.
	demoTime = 2 * time.Second
)

// demoAction shows the main job on this machine alone: three backends, a balancer, and each request as it is balanced.
func (p *program) demoAction(c *cli.Context) error {
	if c.Bool("help") {
		return cli.ShowCommandHelp(c, "demo")
	}
	length, ports, err := demoOptions(c)
	if err != nil {
		return badUse(err)
	}
	log := p.openLog(zerolog.ErrorLevel)
	defer log.close()
	stage := &stage{out: p.stdout, colours: p.colours()}
	backends, err := startBackends(stage, log.goroutines)
	if err != nil {
		return err
	}
	defer backends.close()
	sockets, err := openOneOf(ports)
	if err != nil {
		return err
	}
	defer closeSockets(sockets, log)
	b, err := p.start(actors.Options{Config: backends.config(), Sockets: sockets.Shares(1), Log: log.Logger})
	if err != nil {
		return err
	}
	stage.introduce(sockets.Addr(), backends)
	if err := firstRequests(sockets.Addr(), len(backends.all)); err != nil {
		return errors.Join(err, b.Drain(0))
	}
	err = p.untilEnd(b, demoEnd(length), log)
	stage.conclude(backends)
	return err
}

// demoEnd is when the demo ends if nobody ends it before.
func demoEnd(length time.Duration) end {
	e := end{within: demoTime}
	if length > 0 {
		e.over = time.After(length)
	}
	return e
}

// demoOptions reads --for, 0 when it is not given, and the ports to try.
func demoOptions(c *cli.Context) (length time.Duration, ports []uint16, err error) {
	if c.IsSet("for") {
		length, err = messages.ParseDuration("--for", c.String("for"))
		if err == nil && length <= 0 {
			err = &messages.InvalidError{Subject: "--for", Word: c.String("for"), Why: "must be above 0"}
		}
		if err != nil {
			return 0, nil, err
		}
	}
	if c.IsSet("port") {
		port, err := parsePort("--port", c.String("port"))
		return length, []uint16{port}, err
	}
	for i := range demoPorts {
		ports = append(ports, uint16(demoPort+i))
	}
	return length, ports, nil
}

// openOneOf listens on the first port that is not taken. One worker is enough, and shows its turns in order: each has
// its own.
func openOneOf(ports []uint16) (sockets *mp.Listeners, err error) {
	for _, port := range ports {
		at := listenOptions{Host: demoHost, Port: port, Workers: 1}
		sockets, err = at.open()
		if !errors.Is(err, syscall.EADDRINUSE) {
			return sockets, err
		}
	}
	return nil, err
}

// firstRequests asks for a page as often as there are backends, so that the balancing is seen before curl is at hand.
func firstRequests(at netip.AddrPort, count int) error {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: demoTime}
	for i := range count {
		response, err := client.Get(fmt.Sprintf("%s/first/%d", demoURL(at), i+1))
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		err = errors.Join(err, response.Body.Close())
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %s", response.Status)
		}
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return nil
}

func demoURL(at netip.AddrPort) string { return "http://" + at.String() }

// commandName is how the program was called, so that what is printed can be pasted.
func commandName() string {
	if len(os.Args) > 0 && !strings.Contains(os.Args[0], "go-build") {
		return os.Args[0]
	}
	return "lb"
}
