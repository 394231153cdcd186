//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"time"
)

// atRest measures the memory of idle connections, in processes that have served nothing else but a short warm-up: what a
// heavy load left behind would be used again and hide what a connection costs.
func (b *bench) atRest(ctx context.Context, r *report) error {
	if b.options.idle == 0 {
		return nil
	}
	for _, name := range b.names {
		fmt.Fprintf(os.Stderr, "%d idle connections: %s\n", b.options.idle, name)
		perConnection, err := b.memoryOf(ctx, name, b.options.idle, openIdle)
		if err != nil {
			return fmt.Errorf("%s, idle connections: %w", name, err)
		}
		r.Idle = append(r.Idle, memoryFigure{Proxy: name, Connections: b.options.idle, BytesEach: perConnection})
	}
	return nil
}

// opener opens n connections and brings them into the state that is measured. What it returns has to be closed, also
// beside an error.
type opener func(ctx context.Context, address string, n int) ([]net.Conn, error)

// memoryOf is the growth of a fresh proxy's resident memory per connection.
func (b *bench) memoryOf(ctx context.Context, name string, n int, open opener) (float64, error) {
	p, err := b.start(ctx, name, plain)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	if _, err := allWorkloads.named("small-64").generate(ctx, b.dir, p.address, 1); err != nil {
		return 0, err
	}
	before, err := residentMemory(p)
	if err != nil {
		return 0, err
	}
	clients, err := open(ctx, p.address, n)
	defer closeAll(clients)
	if err != nil {
		return 0, err
	}
	after, err := residentMemory(p)
	return float64(after-before) / float64(n), err
}

func residentMemory(p *proxy) (int64, error) {
	tree, err := processTree(p.pid())
	if err != nil {
		return 0, err
	}
	return tree.resident()
}

// openIdle opens n connections and has one small request answered on each.
func openIdle(ctx context.Context, address string, n int) ([]net.Conn, error) {
	request := requestOf("/small", address)
	buffer := make([]byte, 4096)
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
		if err := askOnce(client, request, buffer); err != nil {
			return clients, fmt.Errorf("connection %d: %w", len(clients), err)
		}
	}
	return clients, nil
}

// requestOf is a request as wrk sends it.
func requestOf(path, address string) []byte {
	var request bytes.Buffer
	fmt.Fprintf(&request, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, address)
	for _, field := range browserFields {
		fmt.Fprintf(&request, "%s: %s\r\n", field[0], field[1])
	}
	request.WriteString("\r\n")
	return request.Bytes()
}

// askOnce sends a request and reads until the end of the small body.
func askOnce(client net.Conn, request, buffer []byte) error {
	if err := client.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := client.Write(request); err != nil {
		return err
	}
	for size := 0; !bytes.HasSuffix(buffer[:size], []byte(smallBody)); {
		n, err := client.Read(buffer[size:])
		size += n
		if err != nil || size == len(buffer) {
			return fmt.Errorf("no complete response: %w: %q", err, buffer[:size])
		}
	}
	return nil
}

func closeAll(clients []net.Conn) {
	for _, client := range clients {
		client.Close()
	}
}
