// Package attesttest is an authority that signs attestations as GitHub does for its private
// repositories: certificates that name a run of a workflow, and the time of the signature by
// a timestamp authority. For tests alone.
package attesttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"

	"github.com/githubjobs/githubjobs/internal/agent/sigstore"
)

// Authority signs.
type Authority struct {
	t    *testing.T
	root *x509.Certificate
	key  *ecdsa.PrivateKey
	time *ca.VirtualSigstore // for its timestamp authority
}

// New makes an authority that nobody trusts but by its Root.
func New(t *testing.T) *Authority {
	t.Helper()
	virtual, err := ca.NewVirtualSigstore()
	must(t, err)
	a := &Authority{t: t, key: newKey(t), time: virtual}
	a.root = a.certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "root", Organization: []string{"Test"}}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, a.key)
	return a
}

// Root is what the authority is trusted by: a trusted_root.json on one line.
func (a *Authority) Root() []byte {
	a.t.Helper()
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01,
		[]root.CertificateAuthority{&root.FulcioCertificateAuthority{Root: a.root, ValidityPeriodStart: time.Now().Add(-time.Hour), URI: "https://fulcio.invalid"}},
		nil, a.time.TimestampingAuthorities(), nil)
	must(a.t, err)
	raw, err := trusted.MarshalJSON()
	must(a.t, err)
	return append(raw, '\n')
}

// RootWithLogs is the same with a transparency log, in which nothing of the authority is.
func (a *Authority) RootWithLogs() []byte {
	a.t.Helper()
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01,
		[]root.CertificateAuthority{&root.FulcioCertificateAuthority{Root: a.root, ValidityPeriodStart: time.Now().Add(-time.Hour), URI: "https://fulcio.invalid"}},
		nil, a.time.TimestampingAuthorities(), a.time.RekorLogs())
	must(a.t, err)
	raw, err := trusted.MarshalJSON()
	must(a.t, err)
	return append(raw, '\n')
}

// Sign makes the bundle of a statement, signed by a run.
func (a *Authority) Sign(statement []byte, by sigstore.Signer) []byte {
	a.t.Helper()
	const payloadType = "application/vnd.in-toto+json"
	key := newKey(a.t)
	san, err := url.Parse(by.Workflow)
	must(a.t, err)
	leaf := &x509.Certificate{URIs: []*url.URL{san}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, KeyUsage: x509.KeyUsageDigitalSignature}
	for _, e := range []struct {
		id    asn1.ObjectIdentifier
		value string
	}{
		{certificate.OIDIssuerV2, by.Issuer}, {certificate.OIDSourceRepositoryURI, by.Repository}, {certificate.OIDSourceRepositoryIdentifier, by.RepositoryID},
		{certificate.OIDSourceRepositoryRef, by.Ref}, {certificate.OIDSourceRepositoryDigest, by.Commit}, {certificate.OIDRunInvocationURI, by.Run},
	} {
		der, err := asn1.MarshalWithParams(e.value, "utf8")
		must(a.t, err)
		leaf.ExtraExtensions = append(leaf.ExtraExtensions, pkix.Extension{Id: e.id, Value: der})
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(statement), statement))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	must(a.t, err)
	stamp, err := a.time.TimestampResponse(sig)
	must(a.t, err)
	type object = map[string]any
	raw, err := json.Marshal(object{
		"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": object{
			"certificate":               object{"rawBytes": a.certificate(leaf, a.root, key).Raw},
			"timestampVerificationData": object{"rfc3161Timestamps": []object{{"signedTimestamp": stamp}}},
		},
		"dsseEnvelope": object{"payload": statement, "payloadType": payloadType, "signatures": []object{{"sig": sig}}},
	})
	must(a.t, err)
	return raw
}

// certificate issues one for the key; without a parent it is the authority's own.
func (a *Authority) certificate(c, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), a.key)
	must(a.t, err)
	made, err := x509.ParseCertificate(der)
	must(a.t, err)
	return made
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
