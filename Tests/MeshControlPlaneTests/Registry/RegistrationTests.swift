// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshManifests
import Testing

@testable import MeshControlPlane

@Suite struct RegistrationTests {
    private static let minimal = #"{"id":"r-1","service":"reviews","address":"10.0.0.1","port":9080}"#

    @Test func `a short registration gets the defaults`() throws {
        let registration = try Registration.read(Data(Self.minimal.utf8))
        #expect(registration.namespace == "default")
        #expect(registration.serviceAccount == "default")
        #expect(registration.servicePort == 9080)
        #expect(registration.protocolName == "http")
        #expect(!registration.speaksMutualTLS)
        #expect(registration.labels.isEmpty)
    }

    @Test func `where it runs and what it can take reach the configuration`() throws {
        let body = #"{"id":"r-1","service":"reviews","address":"a","port":1,"locality":"eu/a/1","weight":3}"#
        let registration = try Registration.read(Data(body.utf8))
        #expect(try Registration.read(JSONEncoder().encode(registration)) == registration)
        let workload = Workload(registration)
        #expect(workload.locality == Locality(region: "eu", zone: "a", subZone: "1"))
        #expect(workload.weight == 3)
        #expect(Workload(Samples.registration()).locality == Locality())
    }

    @Test func `the version becomes a label`() throws {
        let body = #"{"id":"r-1","service":"reviews","address":"a","port":1,"version":"v2","labels":{"app":"reviews"}}"#
        #expect(try Registration.read(Data(body.utf8)).labels == ["app": "reviews", "version": "v2"])
    }

    @Test func `what was written is read back`() throws {
        let registration = Samples.registration()
        #expect(try Registration.read(JSONEncoder().encode(registration)) == registration)
    }

    @Test(arguments: [
        ("", [""]),
        ("{", [""]),
        ("[]", [""]),
        ("null", [""]),
        (#"{"service":"reviews","address":"a","port":1}"#, ["id"]),
        (#"{"id":7,"service":"reviews","address":"a","port":1}"#, ["id"]),
        (#"{"id":"r","service":"reviews","address":"a","port":70000}"#, ["port"]),
        (#"{"id":"r","service":"reviews","address":"a","port":-1}"#, ["port"]),
        (#"{"id":"r","service":"reviews","address":"a","port":1.5}"#, ["port"]),
        (#"{"id":"r","service":"reviews","address":"a","port":1e300}"#, ["port"]),
        (#"{"id":"r","service":"reviews","address":"a","port":"1"}"#, ["port"]),
        (#"{"id":"r","service":"reviews","address":"a","port":1,"servicePort":65536}"#, ["servicePort"]),
        (#"{"id":"r","service":"reviews","address":"a","port":1,"labels":{"a":1}}"#, ["labels.a"]),
        (#"{"id":"r","service":"reviews","address":"a","port":1,"labels":[]}"#, ["labels"]),
        (#"{"id":"r","service":"reviews","address":"a","port":1,"mutualTLS":"yes"}"#, ["mutualTLS"]),
        (
            #"{"id":"r","service":"reviews","address":"a","port":1,"version":"v1","labels":{"version":"v2"}}"#,
            ["version"]
        ),
        (#"{"id":"r","service":"reviews","address":"a","port":0,"servicePort":0}"#, ["port", "servicePort"]),
        (#"{"id":"r","service":"r","address":"a","port":1,"weight":0,"locality":"a//b"}"#, ["locality", "weight"]),
        (#"{"id":"r","service":"r","address":"a","port":1,"weight":1.5}"#, ["weight"]),
        (#"{"id":"r","service":"r","address":"a","port":1,"weight":4294967296}"#, ["weight"]),
        (#"{"id":"r","service":"r","address":"a","port":1,"locality":"a/b/c/d"}"#, ["locality"]),
        (#"{"id":"../x","service":"Reviews","address":"a b","port":1}"#, ["id", "service", "address"]),
        (
            #"{"id":"r","service":"reviews","address":"","port":1,"serviceAccount":"a/b"}"#,
            ["serviceAccount", "address"]
        ),
        (
            #"{"id":"r","service":"r","address":"a","port":1,"labels":{"a b":"c","d":"e f"}}"#,
            ["labels.a b", "labels.d"]
        ),
    ])
    func `what is wrong is named by its path`(body: String, paths: [String]) {
        let error = #expect(throws: ConfigurationError.self) { try Registration.read(Data(body.utf8)) }
        #expect(error?.problems.map(\.path) == paths)
    }

    @Test func `nesting and garbage of every kind is refused without a crash`() {
        let random = MeshRandom(seed: 3)
        let deep = String(repeating: "[", count: 60_000)
        #expect(throws: ConfigurationError.self) { try Registration.read(Data(deep.utf8)) }
        let valid = Array(Self.minimal.utf8)
        for _ in 0..<5000 {
            var bytes = valid
            for _ in 0...random.below(4) {
                bytes[Int(random.below(UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
            }
            bytes.removeLast(Int(random.below(UInt64(bytes.count))))
            _ = try? Registration.read(Data(bytes))
        }
    }

    @Test func `there is a bound on labels`() {
        var registration = Samples.registration()
        for number in 0..<Registration.maximumLabels { registration.labels["l\(number)"] = "x" }
        let error = #expect(throws: ConfigurationError.self) { try registration.validate() }
        #expect(error?.problems.map(\.path) == ["labels"])
    }
}
