// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import Hummingbird
import Logging
import MeshCore
import MeshTesting
import MeshXDS
import NIOCore
import Testing

@testable import MeshControlPlane

@Suite struct ControlPlaneAPITests {
    /// What the API answered.
    private struct Answer {
        var status: Int
        var body: String
        var headers: HTTPFields
    }

    private static let operatorSecret = "0123456789abcdef-operators"

    private let clock = ManualClock()
    private let registry: ServiceRegistry
    private let responder: any HTTPResponder<APIRequestContext>
    private let authority: AuthorityFixture

    init() throws {
        let authority = try AuthorityFixture()
        self.authority = authority
        let registry = ServiceRegistry(leaseDuration: .seconds(15), maximumInstances: 3, clock: clock) {}
        self.registry = registry
        self.responder = ControlPlaneAPI(
            registry: registry,
            tokens: TokenBook(
                Samples.tokens + [
                    RegistrationToken(secret: Self.operatorSecret, namespace: "default", isOperator: true)
                ]
            ),
            authority: AuthorityAPI(authority.authority),
            maximumBodySize: 2048,
            status: {
                StatusAnswer(
                    version: "1",
                    trustDomain: "cluster.local",
                    instances: 0,
                    drainingInstances: 0,
                    manifestGeneration: 1,
                    isWarming: false,
                    clients: []
                )
            },
            diagnostics: { DiagnosticsAnswer(isCurrent: true, folder: nil, diagnostics: []) },
            client: { stream in
                guard stream == 7 else { return nil }
                let client = XDSClientStatus(stream: 7, node: XDSNode(id: "reviews"))
                return ClientAnswer(
                    client: StatusAnswer.Client(client),
                    resources: [.init(type: "t", name: "n", version: "abc", status: "SYNCED")]
                )
            }
        ).router().buildResponder()
    }

    private func ask(
        _ method: HTTPRequest.Method,
        _ path: String,
        token: String? = Samples.secret,
        body: [UInt8] = []
    ) async throws -> Answer {
        var head = HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path)
        if let token { head.headerFields[.authorization] = "Bearer \(token)" }
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(bytes: body)))
        let context = APIRequestContext(logger: Logger(label: "test"))
        let response = try await responder.respond(to: request, context: context)
        let writer = CollectingWriter()
        try await response.body.write(writer)
        return Answer(status: response.status.code, body: writer.text, headers: response.headers)
    }

    private func register(
        _ registration: Registration = Samples.registration(),
        token: String? = Samples.secret
    ) async throws -> Answer {
        try await ask(.post, "/v1/instances", token: token, body: Array(JSONEncoder().encode(registration)))
    }

    @Test func `an instance registers, renews, is listed and leaves`() async throws {
        let created = try await register()
        #expect(created.status == 201)
        #expect(created.body == #"{"leaseSeconds":15}"#)
        clock.advance(by: .seconds(10))
        let renewed = try await ask(.put, "/v1/instances/reviews-1")
        #expect(renewed.status == 200)
        #expect(renewed.body == #"{"leaseSeconds":15}"#)
        clock.advance(by: .seconds(10))
        let listed = try await ask(.get, "/v1/instances")
        #expect(listed.status == 200)
        #expect(listed.body.contains(#""id":"reviews-1""#))
        #expect(try await ask(.delete, "/v1/instances/reviews-1").status == 204)
        #expect(try await ask(.put, "/v1/instances/reviews-1").status == 404)
        #expect(registry.snapshot.registrations.isEmpty)
    }

    @Test func `an instance says that it drains, and that stays so through renewals`() async throws {
        _ = try await register()
        let draining = try await ask(.put, "/v1/instances/reviews-1", body: Array(#"{"state":"draining"}"#.utf8))
        #expect(draining.status == 200 && draining.body == #"{"leaseSeconds":15}"#)
        #expect(try await ask(.put, "/v1/instances/reviews-1").status == 200)
        #expect(try await ask(.get, "/v1/instances").body.contains(#""state":"draining""#))
        let back = try await ask(.put, "/v1/instances/reviews-1", body: Array(#"{"state":"serving"}"#.utf8))
        #expect(back.status == 200)
        #expect(registry.snapshot.registrations.map(\.state) == [.serving])
    }

    @Test(arguments: [#"{"state":"tired"}"#, "nonsense", #"{"state":1}"#])
    func `a renewal that cannot be read is refused, and renews nothing`(body: String) async throws {
        _ = try await register()
        clock.advance(by: .seconds(10))
        let answer = try await ask(.put, "/v1/instances/reviews-1", body: Array(body.utf8))
        #expect(answer.status == 400)
        clock.advance(by: .seconds(10))
        #expect(try await ask(.put, "/v1/instances/reviews-1").status == 404)
    }

    @Test func `an escaped id is the same id`() async throws {
        #expect(try await register(Samples.registration("reviews:9080")).status == 201)
        #expect(try await ask(.put, "/v1/instances/reviews%3A9080").status == 200)
        #expect(try await ask(.put, "/v1/instances/..%2F..%2Fetc").status == 404)
    }

    @Test(arguments: [nil, "", "wrong", Samples.secret + "x"])
    func `without a known token nothing is answered`(token: String?) async throws {
        for (method, path) in [
            (HTTPRequest.Method.post, "/v1/instances"), (.get, "/v1/instances"), (.put, "/v1/instances/reviews-1"),
            (.delete, "/v1/instances/reviews-1"), (.get, "/v1/status"), (.get, "/v1/clients/7"),
            (.get, "/v1/diagnostics"), (.get, "/v1/authority/roots"), (.get, "/v1/authority/crl"),
            (.get, "/v1/authority/certificates"), (.post, "/v1/authority/revocations"),
            (.post, "/v1/authority/rotation"), (.get, "/"),
        ] {
            let answer = try await ask(method, path, token: token, body: Array("{}".utf8))
            #expect(answer.status == 401)
            #expect(answer.headers[.wwwAuthenticate] == "Bearer")
        }
        #expect(registry.generation == 0)
    }

    @Test func `operators see certificates and take them back, others only what is trusted`() async throws {
        let number = try AuthorityFixture.serialNumber(try AuthorityFixture.issue(authority.authority))
        let body = Array(#"{"serialNumber":"\#(number)"}"#.utf8)
        #expect(try await ask(.get, "/v1/authority/roots").body == authority.authority.trustAnchor)
        for (method, path) in [
            (HTTPRequest.Method.get, "/v1/authority/certificates"), (.post, "/v1/authority/revocations"),
            (.post, "/v1/authority/rotation"),
        ] {
            #expect(try await ask(method, path, body: body).status == 403)
        }
        #expect(authority.authority.revoked.isEmpty)
        let listed = try await ask(.get, "/v1/authority/certificates", token: Self.operatorSecret)
        #expect(listed.body.contains(number))
        let before = try await ask(.get, "/v1/authority/crl").body
        for bad in ["", "{}", #"{"serialNumber":"xyz"}"#, #"{"serialNumber":"01","identity":"spiffe://a/b"}"#] {
            let answer = try await ask(
                .post,
                "/v1/authority/revocations",
                token: Self.operatorSecret,
                body: Array(bad.utf8)
            )
            #expect(answer.status == 400)
        }
        let revoked = try await ask(.post, "/v1/authority/revocations", token: Self.operatorSecret, body: body)
        #expect(revoked.status == 200 && revoked.body.contains(number))
        let after = try await ask(.get, "/v1/authority/crl").body
        #expect(after.hasPrefix("-----BEGIN X509 CRL-----") && after != before)
        #expect(try await ask(.post, "/v1/authority/rotation", token: Self.operatorSecret).status == 202)
        #expect(try await ask(.post, "/v1/authority/rotation", token: Self.operatorSecret).status == 409)
    }

    @Test func `two authorization fields are none`() {
        var headers = HTTPFields()
        headers.append(HTTPField(name: .authorization, value: "Bearer \(Samples.secret)"))
        #expect(BearerAuthentication.bearerToken(in: headers) == Samples.secret)
        headers.append(HTTPField(name: .authorization, value: "Bearer \(Samples.secret)"))
        #expect(BearerAuthentication.bearerToken(in: headers) == nil)
        #expect(BearerAuthentication.bearerToken(in: [.authorization: "bearer x"]) == "x")
        #expect(BearerAuthentication.bearerToken(in: [.authorization: "Basic eDp5"]) == nil)
    }

    @Test func `a token claims its namespace and accounts, and nobody else's instances`() async throws {
        #expect(try await register(token: Samples.otherSecret).status == 403)
        var foreign = Samples.registration("ratings-1", service: "ratings")
        foreign.namespace = "other"
        #expect(try await register(foreign).status == 403)
        #expect(try await register(foreign, token: Samples.otherSecret).status == 403)
        foreign.serviceAccount = "ratings"
        #expect(try await register(foreign, token: Samples.otherSecret).status == 201)
        #expect(try await ask(.put, "/v1/instances/ratings-1").status == 403)
        #expect(try await ask(.delete, "/v1/instances/ratings-1").status == 403)
        #expect(try await register(Samples.registration("ratings-1")).status == 403)
        #expect(try await ask(.get, "/v1/instances").body == #"{"instances":[]}"#)
    }

    @Test func `what is wrong with a body is named by its path`() async throws {
        let answer = try await ask(
            .post,
            "/v1/instances",
            body: Array(#"{"id":"a","service":"reviews","address":"a","port":1,"labels":{"x":1}}"#.utf8)
        )
        #expect(answer.status == 400)
        #expect(answer.body.contains(#""path":"labels.x""#))
        #expect(answer.headers[.contentType]?.hasPrefix("application/json") == true)
    }

    @Test func `a body that is too large is refused`() async throws {
        let large = Array(repeating: UInt8(ascii: " "), count: 2049)
        #expect(try await ask(.post, "/v1/instances", body: large).status == 413)
        #expect(try await ask(.post, "/v1/instances", body: Array(large.dropLast())).status == 400)
    }

    @Test func `a full registry asks to try again later`() async throws {
        for number in 1...3 {
            let registration = Samples.registration("r-\(number)", port: UInt16(number))
            #expect(try await register(registration).status == 201)
        }
        #expect(try await register(Samples.registration("r-4", port: 4)).status == 503)
    }

    @Test func `status and diagnostics are JSON`() async throws {
        #expect(try await ask(.get, "/v1/diagnostics").body == #"{"diagnostics":[],"isCurrent":true}"#)
        #expect(try await ask(.get, "/v1/status").body.contains(#""version":"1""#))
        #expect(try await ask(.get, "/v1/clients/7").body.contains(#""status":"SYNCED""#))
        for unknown in ["8", "x", "-1"] { #expect(try await ask(.get, "/v1/clients/\(unknown)").status == 404) }
    }

    @Test func `garbage of every kind is answered`() async throws {
        let random = MeshRandom(seed: 9)
        let valid = Array(try JSONEncoder().encode(Samples.registration()))
        for _ in 0..<2000 {
            var body = valid
            for _ in 0...random.below(6) {
                body[Int(random.below(UInt64(body.count)))] = UInt8(truncatingIfNeeded: random.next())
            }
            body.removeLast(Int(random.below(UInt64(body.count))))
            let answer = try await ask(.post, "/v1/instances", body: body)
            #expect([201, 400, 403, 503].contains(answer.status))
        }
        for _ in 0..<2000 {
            let bytes = (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: 32 + random.below(224)) }
            let path = "/v1/instances/" + String(decoding: bytes, as: UTF8.self)
            #expect([200, 404].contains(try await ask(.put, path).status))
        }
    }
}
