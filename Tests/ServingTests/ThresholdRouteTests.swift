import Aviary
import Foundation
import Testing

@testable import AviaryServing

/// The server predicts the class that `aviary predict` does, also where thresholds make it another than the most probable one.
@Suite struct ThresholdRouteTests {
  private let folder: Scratch

  init() throws { folder = try Scratch() }

  /// The checkpoint with thresholds that predict the class at a place, as long as it has a millionth.
  private func predicting(_ place: Int, _ checkpoint: Checkpoint, classes: [String]) -> Checkpoint {
    var result = checkpoint
    result.metadata.classes = classes
    let small = 0.000001
    let values = classes.indices.map { $0 == place ? small : (1 - small) / Double(classes.count - 1) }
    result.metadata.extra[ClassThresholds.key] =
      #"{"values":\#(values),"criterion":"macro-f1","score":1,"plainScore":0.5}"#
    return result
  }

  private func names(_ value: JSONValue?) -> [String] { value?.elements?.compactMap { $0["name"]?.text } ?? [] }

  @Test func picturesHaveTheClassOfTheThresholds() async throws {
    let (classes, picture) = (["cat", "dog", "Käuzchen"], Toy.jpeg(3))
    let plain = try Toy.service(["plain": try Toy.images()], in: folder)
    let before = names(await plain.answer(.post, "/predict", picture).json["predictions"]?.elements?.first?["classes"])
    let expected = try #require(before.last)
    let place = try #require(classes.firstIndex(of: expected))
    let checkpoint = predicting(place, try Toy.images(), classes: classes)
    let service = try Toy.service(["pets": checkpoint], in: folder)

    let predictor = try ImagePredictor(checkpoint, registry: .standard, path: "pets")
    let image = try DecodedImage(decoding: picture, named: "x")
    #expect(try predictor.predict(image).first?.name == expected)
    let predicted = await service.answer(.post, "/predict", picture)
    #expect(names(predicted.json["predictions"]?.elements?.first?["classes"]).first == expected, "\(predicted.text)")
    let text = await service.answer(.post, "/predict?top=1", headers: ["accept": "text/plain"], picture)
    #expect(text.text.hasSuffix(" \(expected)\n"))
    let explained = await service.answer(.post, "/explain", headers: ["accept": "application/json"], picture)
    #expect(explained.json["class"]?.text == expected && names(explained.json["classes"]).first == expected)

    // Outputs of the protocol are what the network says, and the first class the one that is predicted.
    let pixels = Toy.photograph(3).pixels.map { "\($0)" }.joined(separator: ",")
    let input = #"{"name":"input","datatype":"UINT8","shape":[1,30,40,3],"data":[\#(pixels)]}"#
    let asked = #"{"name":"probabilities"},{"name":"logits","parameters":{"classification":1}}"#
    let inferred = await service.post("/v2/models/pets/infer", #"{"inputs":[\#(input)],"outputs":[\#(asked)]}"#)
    let outputs = try #require(inferred.json["outputs"]?.elements, "\(inferred.text)")
    let shares = outputs[0]["data"]?.elements?.compactMap(\.double) ?? []
    #expect(shares.count == 3 && shares.indices.contains { shares[$0] > shares[place] })
    #expect(outputs[1]["data"]?.texts?.first?.hasSuffix(":\(place):\(expected)") == true, "\(inferred.text)")
    let described = await service.answer(.get, "/v2/models/pets")
    #expect(described.json["thresholds"]?.elements?.count == 3)
    let listed = await service.answer(.get, "/models")
    #expect(listed.json["models"]?.elements?.first?["thresholds"]?.elements?.count == 3)
    let without = await plain.answer(.get, "/v2/models/plain")
    #expect(without.json["thresholds"] == nil)
  }

  @Test func rowsHaveTheClassOfTheThresholds() async throws {
    let (classes, row) = (["a", "b"], #"{"age":1.5,"colour":"red"}"#)
    let plain = try Toy.service(["plain": try Toy.rows()], in: folder)
    let before = await plain.post("/predict", row)
    let likeliest = names(before.json["predictions"]?.elements?.first?["classes"])
    let expected = try #require(likeliest.last)
    let place = try #require(classes.firstIndex(of: expected))
    let lines = Lines()
    let service = try Toy.service(
      ["kinds": predicting(place, try Toy.rows(), classes: classes)], in: folder,
      log: ServingLog { lines.add($0) })
    let after = await service.post("/predict", row)
    #expect(names(after.json["predictions"]?.elements?.first?["classes"]).first == expected, "\(after.text)")
    // The probabilities are what they were.
    #expect(areClose(probabilities(before), probabilities(after)))
    #expect(lines.all.contains { $0.contains("model loaded") && $0.contains("thresholds") }, "\(lines.all)")
  }

  private func probabilities(_ response: WebResponse) -> [String: Float] {
    classes(response.json["predictions"]?.elements?.first?["classes"])
  }
}
