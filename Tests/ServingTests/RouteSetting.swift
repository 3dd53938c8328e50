import Aviary
import AviaryExplanations

@testable import AviaryServing

/// Small models behind their routes, for the tests of these: a network for photographs, and two for rows of a table.
struct RouteSetting {
  let folder: Scratch
  let service: InferenceService
  /// What the network for photographs says without a server.
  let predictor: ImagePredictor

  init() throws {
    folder = try Scratch()
    let images = try Toy.images()
    service = try Toy.service(
      ["pets": images, "kinds": try Toy.rows(), "ages": try Toy.rows(target: "age")], in: folder)
    predictor = try ImagePredictor(images, registry: .standard, path: "pets")
  }

  /// The probabilities of a photograph's classes by their names.
  func expected(_ shade: Int) throws -> [String: Float] {
    let image = try DecodedImage(decoding: Toy.jpeg(shade), named: "x")
    return Dictionary(uniqueKeysWithValues: try predictor.predict(image).map { ($0.name, $0.probability) })
  }

  /// The answer of the network for photographs to a request of the Open Inference Protocol.
  func infer(_ json: String, _ binary: [UInt8] = []) async -> WebResponse {
    let text = Array(json.utf8)
    return await service.answer(
      .post, "/v2/models/pets/infer", headers: ["inference-header-content-length": "\(text.count)"], text + binary)
  }
}
