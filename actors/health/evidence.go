package health

import (
	"strconv"
	"time"

	"lb/messages"
)

// Attempt is how an exchange's attempt on the backend ended. A reason that does not blame the backend is no evidence.
type Attempt struct {
	Began  time.Time       // zero when it is not known: it counts as begun in time
	Reason messages.Reason // NoReason: a response came
}

// Probe is how an active check ended. Any reason is a failure: nobody else has a part in it.
type Probe struct {
	Began  time.Time       // zero when it is not known: it counts as begun in time
	Reason messages.Reason // NoReason: a response came, and Status says what it is worth
	Detail string          // of the reason, in words; may be empty
	Status int             // 0: none was asked for, a connection was all that was wanted
}

// verdict is one piece of evidence as the machine counts it.
type verdict struct {
	began  time.Time
	passed bool
	probed bool
	what   string
}

func (a Attempt) verdict() (v verdict, counts bool) {
	passed := a.Reason == messages.NoReason
	return verdict{a.Began, passed, false, "attempt " + word(a.Reason)}, passed || a.Reason.BlamesBackend()
}

func (p Probe) verdict(r Rules) verdict {
	if p.Reason != messages.NoReason {
		return verdict{p.Began, false, true, "probe " + word(p.Reason) + p.detail()}
	}
	if p.Status == 0 {
		return verdict{p.Began, true, true, "probe connected"}
	}
	return verdict{p.Began, r.healthy(p.Status), true, "probe status " + strconv.Itoa(p.Status)}
}

func (p Probe) detail() string {
	if p.Detail == "" {
		return ""
	}
	return " (" + p.Detail + ")"
}

func word(reason messages.Reason) string {
	if reason == messages.NoReason {
		return "answered"
	}
	return reason.String()
}
