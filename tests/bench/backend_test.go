//go:build linux

package main

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

func TestBackendsAnswerEachWorkload(t *testing.T) {
	b, err := startBackends(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range allWorkloads {
		for _, address := range b.addresses {
			if err := w.verify(t.Context(), address); err != nil {
				t.Errorf("%s: %v", w.name, err)
			}
		}
	}
}

// TestBackendTakesRequestsInPieces sends two requests on one connection, a byte at a time.
func TestBackendTakesRequestsInPieces(t *testing.T) {
	b, err := startBackends(1)
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", b.addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, octet := range []byte("POST /upload HTTP/1.1\r\nhost: x\r\ncontent-LENGTH: 3\r\n\r\nabc") {
			if _, err := client.Write([]byte{octet}); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, len(smallResponse))
		if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, smallResponse) {
			t.Fatalf("got %q, %v; want %q", got, err, smallResponse)
		}
	}
}

// TestBackendHoldsARequest waits until the request has come, and expects no answer before the connection ends.
func TestBackendHoldsARequest(t *testing.T) {
	servers, err := startBackends(1)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{backends: servers}
	clients, err := b.openActive(t.Context(), servers.addresses[0], 3)
	defer closeAll(clients)
	if err != nil || servers.held.Load() != 3 {
		t.Fatalf("%d requests held, %v; want 3", servers.held.Load(), err)
	}
	client := clients[0].(*net.TCPConn)
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(client); err != nil || len(got) > 0 {
		t.Errorf("got %q, %v; want the end of the connection", got, err)
	}
}
