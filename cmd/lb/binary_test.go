package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A log collector that dies takes nobody along: requests go on, and the end is a clean one.
func TestDeadLogReaderIsSurvived(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	defer backend.Close()
	cmd := exec.Command(binary, "-b", backend.URL, "--host", "127.0.0.1", "-p0", "--access-log", "on")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }() // it has ended, if all is well
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatal(err, stderr.String())
	}
	var serving struct{ Address string }
	if err := json.Unmarshal(line, &serving); err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	for range 50 {
		response, err := http.Get("http://" + serving.Address + "/")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNoContent {
			t.Fatalf("status %s", response.Status)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || stderr.String() != "" {
		t.Errorf("ended with %v, stderr %q", err, stderr.String())
	}
}

// A socket that shares its port with others of the same user shares it with no second instance.
func TestSecondInstanceIsRefused(t *testing.T) {
	first, err := openOneOf([]uint16{0})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, port, _ := strings.Cut(first.Addr().String(), ":")
	got := lb(t, nil, "-b", "127.0.0.1:1", "--host", "127.0.0.1", "-p", port)
	want := result{exitFailure, "", "lb: listen " + first.Addr().String() + ": address already in use\n"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDemoOfTheBinary(t *testing.T) {
	got := lb(t, nil, "demo", "--for", "10ms")
	if got.code != exitOK || got.stderr != "" || !strings.Contains(got.stdout, "red 1, green 1, blue 1") {
		t.Errorf("%+v", got)
	}
	if strings.Contains(got.stdout, "\x1b") {
		t.Error("colours in a pipe")
	}
}
