//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// verify sends one request of a workload and compares what is answered.
func (w workload) verify(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	body := bytes.NewReader(make([]byte, w.upload))
	request, err := http.NewRequestWithContext(ctx, w.method(), "http://"+address+w.path, body)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !bytes.Equal(received, w.responseBody()) {
		return fmt.Errorf("unexpected response: %s with %d bytes", response.Status, len(received))
	}
	return nil
}
