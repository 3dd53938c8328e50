import Aviary
import Testing

@testable import AviaryServing

/// Who may ask, for how long, and how much they may send.
@Suite struct AccessTests {
  private let setting: RouteSetting
  private var service: InferenceService { setting.service }

  init() throws { setting = try RouteSetting() }

  @Test func withoutTheKeyNothingIsLearned() async throws {
    let closed = try Toy.service(["pets": try Toy.images()], in: setting.folder) { $0.key = APIKey("k") }
    for target in ["/models", "/metrics", "/v2", "/v2/models/pets", "/nothing", "/v2/models/none"] {
      let response = await closed.answer(.get, target)
      #expect(response.status == 401 && response["WWW-Authenticate"] == "Bearer", "\(target)")
      #expect((await closed.answer(.get, target, headers: ["x-api-key": "k"])).status != 401)
    }
    for target in ["/", "/v2/health/live", "/v2/health/ready"] {
      #expect((await closed.answer(.get, target)).status == 200)
    }
  }

  @Test func bodiesAreBoundedBeforeTheyAreRead() throws {
    func fault(_ headers: [String: String], _ target: String = "/predict") -> ServingFault? {
      do throws(ServingFault) {
        _ = try service.admitted(RequestHead(.post, target, headers: headers))
        return nil
      } catch {
        return error
      }
    }
    #expect(fault(["content-length": "16777217"]) == .bodyTooLarge(limit: 16 << 20))
    #expect(fault(["content-length": "16777216"]) == nil)
    #expect(fault(["content-encoding": "br"])?.status == 415)
    #expect(fault(["content-encoding": "gzip"]) == nil)
  }

  /// The same row as it is, by Python's `gzip.compress(…, mtime=0)`, and by `zlib.compress`. The others are from
  /// `tools/goldens_gzip.py`.
  @Test func packedBodiesAreUnpackedWithinLimits() async throws {
    let service = try Toy.service(["kinds": try Toy.rows()], in: setting.folder) { $0.bodyLimit = 2000 }
    let row = #"{"age": 2, "colour": "blue"}"#
    let wanted = await service.post("/predict", row)
    #expect(wanted.status == 200, "\(wanted.text)")
    let gzip = try #require(Base64.decoded("H4sIAAAAAAACA6tWSkxPVbJSMNJRUErOz8kvLQJylJJySlOVagFfEHIoHAAAAA=="))
    let zlib = try #require(Base64.decoded("eJyrVkpMT1WyUjDSUVBKzs/JLy0CcpSSckpTlWoBdPUIYA=="))
    func answer(_ encoding: String, _ body: [UInt8], type: String = "application/json") async -> WebResponse {
      await service.answer(
        .post, "/predict", headers: ["content-type": type, "content-encoding": encoding], body)
    }
    for (encoding, body) in [
      ("gzip", gzip), ("X-GZip", gzip), ("deflate", zlib), ("identity", Array(row.utf8)),
      ("gzip", try #require(Base64.decoded(Self.members))), ("gzip", gzip + [0, 0, 0, 0]),
    ] {
      #expect((await answer(encoding, body)).text == wanted.text, "\(encoding)")
    }
    // Bytes that are cut off, another packing than is said, and bytes behind what was packed.
    for (encoding, body) in [
      ("gzip", Array(gzip.dropLast(12))), ("deflate", gzip), ("gzip", gzip + Array("more".utf8)),
    ] {
      let response = await answer(encoding, body)
      #expect(response.status == 400 && response.text.contains("the body is not \(encoding): "), "\(response.text)")
    }
    // Three thousand spaces, more than a body may have.
    let spaces = try #require(Base64.decoded("H4sIAAAAAAACA+3BMQEAAADCoCrrn9IaHkABAADvBqyR8Be4CwAA"))
    let large = await answer("gzip", spaces)
    #expect(large.status == 413 && large.text.contains("2000 bytes (--max-body)"), "\(large.text)")
    #expect(service.bodies.usedBytes == 0)
  }

  @Test func aRequestMayShortenItsTime() async throws {
    #expect(try service.deadline(RequestHead(.get, "/", headers: ["x-request-timeout": "0.5"])).seconds == 0.5)
    #expect(try service.deadline(RequestHead(.get, "/", headers: ["x-request-timeout": "1e9"])).seconds == 3600)
    for bad in ["0", "-1", "x", "nan", ""] {
      #expect(throws: ServingFault.self) {
        try service.deadline(RequestHead(.get, "/", headers: ["x-request-timeout": bad]))
      }
    }
    let late = await service.answer(.post, "/predict?model=pets", headers: ["x-request-timeout": "1e-9"], Toy.jpeg())
    #expect(
      late.status == 504 && late.json["error"]?.text == "there was no answer within 1e-09 s", "\(late.text)")
    #expect(ServingFault.deadline(seconds: 30).description == "there was no answer within 30 s")
    #expect(ServingFault.slowRequest(seconds: 0.25).description == "the request did not arrive within 0.25 s")
    let hurried = await setting.infer(
      #"{"inputs":[{"name":"input","datatype":"UINT8","shape":[1,1,3],"data":[1,2,3]}],"parameters":{"timeout":1}}"#)
    #expect(hurried.status == 504, "\(hurried.text)")
  }

  /// The row in two members.
  private static let members =
    "H4sIAAAAAAACA6tWSkxPVbJSMNJRAAANOeORCwAAAB+LCAAAAAAAAgNTSs7PyS8tUrJSUErKKU1VqgUAqRWlcxEAAAA="
}
