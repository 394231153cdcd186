package tests

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// ahead is how many messages a chat has on their way at a time.
const ahead = 16

// chat talks through a tunnel without a pause, and demands every message back, in order.
type chat struct {
	*client
	stop, ended chan struct{}
	sent, got   int
	err         error // of the one who reads or writes; read them after ended is closed
}

func startChat(t *testing.T, b *balancer) *chat {
	t.Helper()
	c := &chat{client: b.dial(t), stop: make(chan struct{}), ended: make(chan struct{})}
	c.send(webSocketRequest)
	expectSwitch(t, c.client)
	go c.run()
	return c
}

// said is the text of a message: of many sizes.
func said(number int) []byte {
	text := make([]byte, number*number%10_000)
	newPattern(int64(len(text))).Read(text)
	return fmt.Appendf(text, " %d", number)
}

func (c *chat) run() {
	defer close(c.ended)
	onTheWay := make(chan int, ahead)
	var reader sync.WaitGroup
	reader.Go(func() {
		for number := range onTheWay {
			if err := expectFrame(c.reader, opText, said(number)); err != nil && c.err == nil {
				c.err = fmt.Errorf("message %d: %w", number, err)
			} else if err == nil {
				c.got++
			}
		}
	})
	var failed error
	for ; failed == nil; c.sent++ {
		select {
		case <-c.stop:
			close(onTheWay)
			reader.Wait()
			return
		case onTheWay <- c.sent:
			_, failed = c.Write(frame(opText, said(c.sent), true))
		}
	}
	close(onTheWay)
	reader.Wait()
	c.err = failed
}

// finish ends the chat in good order.
func (c *chat) finish() {
	c.t.Helper()
	close(c.stop)
	<-c.ended
	if c.err != nil || c.got != c.sent || c.sent == 0 {
		c.t.Fatalf("%d of %d messages came back: %v", c.got, c.sent, c.err)
	}
	c.send(string(frame(opClose, []byte{3, 232}, true)))
	if err := expectFrame(c.reader, opClose, []byte{3, 232}); err != nil {
		c.t.Error(err)
	}
	if !c.client.ended() {
		c.t.Error("the tunnel goes on after the backend left it")
	}
	c.Close()
}

// Bytes go through tunnels all the time while one process after another relays them, and the ones before are gone.
func TestTunnelsMove(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		back := startBackend(t, webSocketEcho)
		n := startSuccession(t, settings{backends: []string{back.addr}, workers: 2, args: []string{"--mode", mode}})
		b := &balancer{addr: n.addr}
		before := descriptors(n.pid())
		var busy []*chat
		for range 4 {
			busy = append(busy, startChat(t, b))
		}
		quiet := b.dial(t)
		quiet.send(webSocketRequest)
		expectSwitch(t, quiet)
		for range 3 {
			began := time.Now()
			n.upgrade()
			took := time.Since(began)
			t.Logf("the old process was gone after %v", took)
			if took > unhurried(2*time.Second) {
				t.Errorf("the old process was gone after %v, want within two seconds", took)
			}
		}
		for _, c := range busy {
			c.finish()
		}
		quiet.send(string(frame(opText, []byte("still here"), true)))
		if err := expectFrame(quiet.reader, opText, []byte("still here")); err != nil {
			t.Error(err)
		}
		if quiet.Close(); !eventually(func() bool { return descriptors(n.pid()) <= before }, nil) {
			t.Errorf("%d descriptors are open, %d were", descriptors(n.pid()), before)
		}
	})
}

// The tunnels of a worker that is given up go to the others.
func TestTunnelsMoveToOtherWorkers(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, mode string) {
		back := startBackend(t, webSocketEcho)
		n := startSuccession(t, settings{backends: []string{back.addr}, workers: 3, args: []string{"--mode", mode}})
		var busy []*chat
		for range 6 {
			busy = append(busy, startChat(t, &balancer{addr: n.addr}))
		}
		if code, said := n.order("workers", "1"); code != 0 {
			t.Fatal(said)
		}
		if !eventually(func() bool { return len(n.status().Workers) == 1 }, nil) {
			t.Errorf("there are the workers %v", n.status().Workers)
		}
		for _, c := range busy {
			c.finish()
		}
	})
}
