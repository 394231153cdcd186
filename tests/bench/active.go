//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"
)

// waiting measures the memory of connections whose request is at a backend that takes its time, again in fresh
// processes.
func (b *bench) waiting(ctx context.Context, r *report) error {
	if b.options.active == 0 {
		return nil
	}
	for _, name := range b.names {
		fmt.Fprintf(os.Stderr, "%d connections with a request under way: %s\n", b.options.active, name)
		perConnection, err := b.memoryOf(ctx, name, b.options.active, b.openActive)
		if err != nil {
			return fmt.Errorf("%s, active connections: %w", name, err)
		}
		r.Active = append(r.Active, memoryFigure{Proxy: name, Connections: b.options.active, BytesEach: perConnection})
	}
	return nil
}

// openActive opens n connections, sends on each what the backends do not answer, and waits until all of it is there.
func (b *bench) openActive(ctx context.Context, address string, n int) ([]net.Conn, error) {
	before := b.backends.held.Load()
	request := requestOf(heldPath, address)
	var clients []net.Conn
	for len(clients) < n {
		if err := ctx.Err(); err != nil {
			return clients, err
		}
		client, err := net.Dial("tcp", address)
		if err != nil {
			return clients, fmt.Errorf("after %d: %w", len(clients), err)
		}
		clients = append(clients, client)
		if _, err := client.Write(request); err != nil {
			return clients, err
		}
	}
	return clients, b.awaitHeld(ctx, before+int64(n))
}

// awaitHeld returns when so many requests have been held since the start.
func (b *bench) awaitHeld(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for b.backends.held.Load() < n {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d requests have not come to a backend: %w", n-b.backends.held.Load(), ctx.Err())
		case <-look.C:
		}
	}
	return nil
}
