package gitrepo

import (
	"fmt"
	"strconv"
	"strings"
)

// maxBand is the most that one packet of a side band carries, after its length
// and band number.
const maxBand = 65515

// explainRefusals puts our reasons into receive-pack's report, where git can
// say no more than "hook declined": the client shows them at the ref, as it
// shows GitHub's. A report that it does not understand stays as it is.
func explainRefusals(body []byte, reasons map[string]string) []byte {
	packets, ok := splitPackets(string(body))
	if !ok || len(packets) == 0 {
		return body
	}
	if band := packets[0]; band == "" || band[0] > 3 {
		return []byte(explainReport(string(body), reasons))
	}
	var report, out strings.Builder
	for _, p := range packets {
		switch {
		case p == "":
		case p[0] == 1:
			report.WriteString(p[1:])
		default:
			out.WriteString(packet(p)) // progress and messages of the hooks
		}
	}
	text := explainReport(report.String(), reasons)
	for len(text) > 0 {
		n := min(len(text), maxBand)
		out.WriteString(packet("\x01" + text[:n]))
		text = text[n:]
	}
	return []byte(out.String() + "0000")
}

func explainReport(report string, reasons map[string]string) string {
	packets, ok := splitPackets(report)
	if !ok {
		return report
	}
	var out strings.Builder
	for _, p := range packets {
		if ref, found := strings.CutPrefix(p, "ng "); found {
			ref, _, _ = strings.Cut(strings.TrimSuffix(ref, "\n"), " ")
			if reason := reasons[ref]; reason != "" {
				p = "ng " + ref + " " + reason + "\n"
			}
		}
		if p == "" {
			out.WriteString("0000")
			continue
		}
		out.WriteString(packet(p))
	}
	return out.String()
}

func packet(payload string) string { return fmt.Sprintf("%04x%s", len(payload)+4, payload) }

// splitPackets cuts pkt-lines; a flush packet is an empty string. ok is false
// for anything malformed.
func splitPackets(s string) (packets []string, ok bool) {
	for s != "" {
		if len(s) < 4 {
			return nil, false
		}
		n, err := strconv.ParseUint(s[:4], 16, 16)
		switch {
		case err != nil || n > 0 && n < 4 || int(n) > len(s):
			return nil, false
		case n == 0:
			packets, s = append(packets, ""), s[4:]
		default:
			packets, s = append(packets, s[4:n]), s[n:]
		}
	}
	return packets, true
}
