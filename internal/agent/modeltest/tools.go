package modeltest

import "fmt"

// tool is one that the agent has offered.
type tool struct{ name string }

// call is how a step is done with what is offered; ok is false for words.
func (s Step) call(offered []tool) (c Tool, ok bool) {
	has := map[string]bool{}
	for _, t := range offered {
		has[t.name] = true
	}
	var choices []Tool
	switch {
	case s.Tool != nil:
		return *s.Tool, true
	case s.Read != "":
		choices = append([]Tool{
			{"Read", object{"file_path": s.Read}}, {"read_file", object{"file_path": s.Read}}, {"read", object{"filePath": s.Read}},
		}, shells(fmt.Sprintf("cat '%s'", s.Read))...)
	case s.Edit != nil:
		e := s.Edit
		choices = append([]Tool{
			{"Edit", object{"file_path": e.Path, "old_string": e.Old, "new_string": e.New}},
			{"replace", object{"file_path": e.Path, "old_string": e.Old, "new_string": e.New, "instruction": "Replace it."}},
			{"edit", object{"filePath": e.Path, "oldString": e.Old, "newString": e.New}},
		}, shells(fmt.Sprintf("sed -i 's/%s/%s/' '%s'", e.Old, e.New, e.Path))...)
	case s.Shell != "":
		choices = shells(s.Shell)
	default:
		return Tool{}, false
	}
	for _, c := range choices {
		if has[c.Name] {
			return c, true
		}
	}
	panic(fmt.Sprintf("modeltest: none of the tools %v can do %+v", offered, s))
}

// shells are the ways to run a command line, under the names that agents have for them.
func shells(line string) []Tool {
	return []Tool{
		{"Bash", object{"command": line, "description": "Run it"}},
		{"run_shell_command", object{"command": line, "description": "Run it"}},
		{"bash", object{"command": line, "description": "Run it"}},
		{"exec_command", object{"cmd": line}},
		{"shell_command", object{"command": line}},
		{"shell", object{"command": []string{"sh", "-c", line}}},
		{"exec", object{"cmd": line}},
	}
}
