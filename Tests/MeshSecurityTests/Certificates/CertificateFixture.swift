// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshSecurity

/// A certificate with names of every kind, and lists of its issuer: made by Python's cryptography, read by OpenSSL.
enum CertificateFixture {
    /// The certificate in DER.
    static var leaf: [UInt8] {
        get throws { try #require(Base64.decoded(text.filter { !$0.isNewline })) }
    }

    /// SHA-256 of it, as `openssl x509 -fingerprint -sha256` says.
    static let fingerprint = "0d6edcf965e7d18d1ab69f99b02918f383092a12acdf211a9d65db3d09ab083c"

    private static let text = """
        MIIB4jCCAYigAwIBAgIHCrwBI0VniTAKBggqhkjOPQQDAjA0MQswCQYDVQQGEwJERTEWMBQGA1UECgwNRXhhbXBsZSwgSW5jLjEN
        MAsGA1UEAwwEcm9vdDAgFw0yMDAxMDIwMzA0MDVaGA8yMDYwMTIzMTIzNTk1OVowJDERMA8GA1UECgwIRXgrYW1wbGUxDzANBgNV
        BAMMBiBsZWFmIzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNnpaWnfR57H0HhmH4x3IzFeGNZ+aeGgRCT4hkRBU1lmMs0xo7Hm
        +2SGGrxop4JZbStmmHOU5Eut1/DhMOq0RX+jgZIwgY8wDAYDVR0TAQH/BAIwADB/BgNVHREBAf8EdTBzhixzcGlmZmU6Ly9jbHVz
        dGVyLmxvY2FsL25zL2RlZmF1bHQvc2EvcmV2aWV3c4YLaHR0cHM6Ly9hL2KCESoucmV2aWV3cy5leGFtcGxlgQthQGIuZXhhbXBs
        ZYcECgAAAYcQIAENuAAAAAAAAQAAAAAAATAKBggqhkjOPQQDAgNIADBFAiADJLNkQ+d/NFdvQHotj58mbumGlm3/UvDDITMPDOZI
        ewIhAI/qlnadYmF7Ig2xNlZ8HmtDLaPQYTM2oge1ru2kJCQE
        """

    /// A list that the certificate is on.
    static let revoked = """
        -----BEGIN X509 CRL-----
        MIHqMIGRAgEBMAoGCCqGSM49BAMCMDQxCzAJBgNVBAYTAkRFMRYwFAYDVQQKDA1F
        eGFtcGxlLCBJbmMuMQ0wCwYDVQQDDARyb290Fw0yMDAxMDIwMzA0MDVaGA8yMDYw
        MDEwMjAzMDQwNVowGjAYAgcKvAEjRWeJFw0yMTAxMDIwMzA0MDVaoA4wDDAKBgNV
        HRQEAwIBBzAKBggqhkjOPQQDAgNIADBFAiEAp8nhVR6Ql5mhCsgEXUH/vlRI2oIM
        4Wi7s6OylxJhyEQCIE63FTSSEELSVgjmEhU4/TD3XF5J8ACoJFK6mSx1J8P/
        -----END X509 CRL-----
        """

    /// A list that nobody is on.
    static let empty = """
        -----BEGIN X509 CRL-----
        MIHNMHUCAQEwCgYIKoZIzj0EAwIwNDELMAkGA1UEBhMCREUxFjAUBgNVBAoMDUV4
        YW1wbGUsIEluYy4xDTALBgNVBAMMBHJvb3QXDTIwMDEwMjAzMDQwNVoYDzIwNjAw
        MTAyMDMwNDA1WqAOMAwwCgYDVR0UBAMCAQEwCgYIKoZIzj0EAwIDSAAwRQIhAJit
        9+MPkz1zkLGIxQc4hIeP4+uxPX9uqQFDoYyV7fWxAiBjpAOrln/Dud6I1xm02dOA
        Yqi0sXjWioHArty2ueO20Q==
        -----END X509 CRL-----
        """

    /// A list of a part of the certificates, which says so in an extension that must be understood.
    static let partial = """
        -----BEGIN X509 CRL-----
        MIHSMHoCAQEwCgYIKoZIzj0EAwIwNDELMAkGA1UEBhMCREUxFjAUBgNVBAoMDUV4
        YW1wbGUsIEluYy4xDTALBgNVBAMMBHJvb3QXDTIwMDEwMjAzMDQwNVoYDzIwNjAw
        MTAyMDMwNDA1WqATMBEwDwYDVR0cAQH/BAUwA4EB/zAKBggqhkjOPQQDAgNIADBF
        AiACZEoeNpHVmKiFJ3am5nfntSoNgyVxqToB8vXI+58P7gIhAPaRMKTLet8L+PtM
        uICMNFZhAX3K34DD7aNJasoY5BuG
        -----END X509 CRL-----
        """
}
