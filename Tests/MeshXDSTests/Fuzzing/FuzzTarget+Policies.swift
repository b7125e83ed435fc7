// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshSecurity

extension FuzzTarget {
    /// What decides who may pass: tokens, keys, names of certificates and templates of paths.
    static let policies: [FuzzTarget] = [
        FuzzTarget("token", .text, samples: tokens) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            let token = try JSONWebToken(text)
            let end = text.split(separator: ".", omittingEmptySubsequences: false)[2]
            try FuzzViolation.require(Base64URL.encoded(token.signature) == end, "a token has two forms")
            let signed = String(decoding: token.signedBytes, as: UTF8.self)
            try FuzzViolation.require("\(signed).\(end)" == text, "something else is signed than what is read")
            // With a clock that may be wrong by anything, any time is good.
            for now in [0, 1_800_000_000, UInt64.max] {
                do {
                    try token.checkTime(now: now, skew: .max)
                } catch {
                    throw FuzzViolation(message: "\(error) at \(now)")
                }
            }
            _ = token.claim("a.b")
        },
        FuzzTarget("key-set", .text, samples: keySets) { bytes in
            let set = try JSONWebKeySet(bytes)
            try FuzzViolation.require((1...JSONWebKeySet.maximumKeys).contains(set.keys.count), "a set of no size")
            for key in set.keys {
                let served = SignatureAlgorithm.allCases.filter { key.serves($0) }
                let isSecret = if case .symmetric = key.material { true } else { false }
                let secrets: Set<SignatureAlgorithm> = [.hs256, .hs384, .hs512]
                try FuzzViolation.require(
                    served.allSatisfy { secrets.contains($0) == isSecret },
                    "a public key is taken for a secret, or a secret for a public key"
                )
            }
        },
        FuzzTarget("certificate-name", .text, samples: ["a.example *.example", "A.b.c a.B.C"].map { Array($0.utf8) }) {
            bytes in
            let parts = try words(bytes, 2)
            let (host, name) = (parts[0], parts[1])
            let peer = PeerCertificate(uriNames: [name], dnsNames: [name])
            let isMeant = CertificateNameMatcher(.dns, StringMatcher(.exact(host))).matches(peer)
            let dots = [host, name].map { $0.utf8.count { $0 == UInt8(ascii: ".") } }
            try FuzzViolation.require(!isMeant || dots[0] == dots[1], "\(name) is taken for \(host)")
            // URIs have no stars.
            let isNamed = CertificateNameMatcher(.uri, StringMatcher(.exact(host))).matches(peer)
            try FuzzViolation.require(isNamed == (Array(host.utf8) == Array(name.utf8)), "\(name) is taken for \(host)")
        },
        FuzzTarget("path-template", .text, samples: templates) { bytes in
            let parts = try words(bytes, 3)
            let template = try PathTemplate(parts[0])
            let names = template.variables
            try FuzzViolation.require(names.count <= 5 && Set(names).count == names.count, "its variables are \(names)")
            let isMatched = template.matches(parts[1])
            try FuzzViolation.require(!isMatched || parts[1].utf8.first == UInt8(ascii: "/"), "\(parts[1]) is a path")
            let rewrite = try PathTemplateRewrite(parts[2]).bound(to: template)
            guard isMatched, let path = rewrite.rewritten(parts[1]) else { return }
            try FuzzViolation.require(path.utf8.first == UInt8(ascii: "/"), "a path becomes \(path)")
        },
    ]

    /// - Returns: What stands between blanks.
    private static func words(_ bytes: [UInt8], _ count: Int) throws -> [String] {
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == count else { throw ConfigurationError(path: "", "not \(count) words") }
        return parts.map(String.init)
    }

    private static var tokens: [[UInt8]] {
        let headers = [#"{"alg":"ES256"}"#, #"{"alg":"HS512","kid":"k","typ":"JWT"}"#]
        let claims = [
            #"{"iss":"i","sub":"s","aud":["a","b"],"exp":1800000000,"nbf":1.5e9,"iat":1,"jti":"t"}"#,
            #"{"a":{"b":[1,true,null,"\u00e9\ud83d\ude00"]},"aud":"a","exp":1e30}"#, "{}",
        ]
        return headers.flatMap { header in
            claims.map { claims in
                let signed = [header, claims].map { Base64URL.encoded(Array($0.utf8)) }.joined(separator: ".")
                return Array("\(signed).\(Base64URL.encoded(Array(0..<64)))".utf8)
            }
        }
    }

    private static var keySets: [[UInt8]] {
        let modulus = Base64URL.encoded([UInt8](repeating: 0xA5, count: 256))
        let coordinate = Base64URL.encoded([UInt8](repeating: 7, count: 32))
        return [
            #"{"kty":"RSA","kid":"r","use":"sig","n":"\#(modulus)","e":"AQAB"}"#,
            #"{"kty":"EC","crv":"P-256","alg":"ES256","x":"\#(coordinate)","y":"\#(coordinate)"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"\#(coordinate)"},{"kty":"oct","k":"\#(modulus)","key_ops":["verify"]}"#,
        ].map { Array(#"{"keys":[\#($0)]}"#.utf8) }
    }

    private static var templates: [[UInt8]] {
        [
            "/{a}/{b=**}.json /x/y/z.json /{b}/{a}", "/* /v1 /x", "/v1/{name=shelves/*}/** /v1/shelves/1/2 /{name}",
            "/a~b/{c} /a~b/%2F /{c}{c}",
        ].map { Array($0.utf8) }
    }
}
