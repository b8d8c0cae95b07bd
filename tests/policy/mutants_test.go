package policy

import (
	"fmt"
	"testing"

	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/parser"

	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
)

// mutant is the policy without one of its rules.
type mutant struct {
	without string
	policy  *policyObject
}

// mutantsOf gives the policy without each match condition and each validation, and without each
// condition that && or || joins to others.
func mutantsOf(t *testing.T, policy *policyObject) (mutants []mutant) {
	t.Helper()
	for i, each := range policy.Spec.MatchConditions {
		changed := policy.DeepCopy()
		changed.Spec.MatchConditions = append(changed.Spec.MatchConditions[:i], changed.Spec.MatchConditions[i+1:]...)
		mutants = append(mutants, mutant{each.Name, changed})
	}
	for i, each := range policy.Spec.Validations {
		changed := policy.DeepCopy()
		changed.Spec.Validations = append(changed.Spec.Validations[:i], changed.Spec.Validations[i+1:]...)
		mutants = append(mutants, mutant{each.Message, changed})
		for _, expression := range withoutEachOperand(t, each.Expression) {
			changed := policy.DeepCopy()
			changed.Spec.Validations[i].Expression = expression
			mutants = append(mutants, mutant{expression, changed})
		}
	}
	for i, each := range policy.Spec.Variables {
		for _, expression := range withoutEachOperand(t, each.Expression) {
			changed := policy.DeepCopy()
			changed.Spec.Variables[i].Expression = expression
			mutants = append(mutants, mutant{each.Name + ": " + expression, changed})
		}
	}
	return mutants
}

// withoutEachOperand gives the expression with one operand of && made true, or of || false, in turn.
func withoutEachOperand(t *testing.T, expression string) (changed []string) {
	t.Helper()
	// Macros stay calls, so that what is printed again is what was read.
	reader, err := parser.NewParser(parser.Macros(), parser.EnableOptionalSyntax(true))
	if err != nil {
		t.Fatal(err)
	}
	tree, errors := reader.Parse(common.NewTextSource(expression))
	if len(errors.GetErrors()) > 0 {
		t.Fatal(errors.ToDisplayString())
	}
	neutral := map[string]types.Bool{operators.LogicalAnd: types.True, operators.LogicalOr: types.False}
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(expr ast.Expr) {
		value, joins := neutral[functionOf(expr)]
		if !joins {
			return
		}
		for _, operand := range expr.AsCall().Args() {
			if functionOf(operand) == functionOf(expr) {
				continue // its own operands are those that are joined
			}
			factory := ast.NewExprFactory()
			before := factory.CopyExpr(operand)
			operand.SetKindCase(factory.NewLiteral(operand.ID(), value))
			text, err := parser.Unparse(tree.Expr(), tree.SourceInfo())
			if err != nil {
				t.Fatal(err)
			}
			changed = append(changed, text)
			operand.SetKindCase(before)
		}
	}))
	return changed
}

func functionOf(expr ast.Expr) string {
	if expr.Kind() != ast.CallKind {
		return ""
	}
	return expr.AsCall().FunctionName()
}

// killer is a case that the mutant judges otherwise than the policy does.
func killer(t *testing.T, cases []policyCase, policy *policyObject) string {
	plugins := map[string]*validating.Plugin{}
	for _, each := range cases {
		key := fmt.Sprint(each.HostPaths)
		if plugins[key] == nil {
			changed := policy.DeepCopy()
			if each.HostPaths != nil {
				changed = withHostPaths(t, changed, each.HostPaths)
			}
			plugins[key] = newPluginOf(t, changed, loadBinding(t))
		}
		if each.verdict(t, plugins[key]) != "" {
			return each.name
		}
	}
	return ""
}

func TestEachRuleOfThePolicyIsNeeded(t *testing.T) {
	cases := loadCases(t)
	mutants := mutantsOf(t, loadPolicy(t))
	if len(mutants) < 70 {
		t.Errorf("%d rules were taken out (expected at least 70)", len(mutants))
	}
	for i, each := range mutants {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if errors := compile(t, each.policy, version.MajorMinor(1, 32)); len(errors) != 0 {
				t.Fatalf("%s: %v", each.without, errors)
			}
			noticed := killer(t, cases, each.policy)
			if noticed == "" {
				t.Errorf("no case notices that this is gone, or what is left: %s", each.without)
			}
			t.Logf("%q notices: %s", noticed, each.without)
		})
	}
}
