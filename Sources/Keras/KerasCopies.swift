// Layers and models that stand at several places of one model: in it, and in a model among its layers.

import AviaryCheckpoints
import AviaryDiagnostics

/// Where what stands at several places stands first. Keras 3 stores its weights only there.
struct KerasCopies {
  /// The first place of a layer or model by each of its others.
  private var firsts = ExactDictionary<String>()

  init(in model: JSONValue) {
    var known: [Int: (place: String, kind: String, name: String)] = [:]
    var firsts = ExactDictionary<String>()
    // The parser's limit on nesting bounds this walk.
    func visit(_ model: JSONValue, _ prefix: String) {
      let list = model["config"]?["layers"]?.elements ?? model["config"]?.elements ?? []
      for (layer, own) in zip(list, KerasPlaces.places(of: list)) where !own.isEmpty {
        let place = prefix + own
        // Keras 3 says where a class is from; the numbers of Keras 2 are those of one model among several.
        if let number = layer["shared_object_id"]?.integer, layer["module"]?.text != nil,
          let kind = layer["class_name"]?.text
        {
          let name = KerasModelInputs.name(of: layer)
          if let first = known[number], first.kind.isExactly(kind), first.name.isExactly(name) {
            firsts[place] = first.place
            continue
          }
          known[number] = (place, kind, name)
        }
        if KerasModelInputs.isModel(layer) { visit(layer, place + "/") }
        if let wrapped = layer["config"]?["layer"], KerasModelInputs.isModel(wrapped) {
          visit(wrapped, place + "/layer/")
        }
      }
    }
    visit(model, "")
    self.firsts = firsts
  }

  /// Where the layer at a place stands first.
  func first(_ place: String) -> String {
    // What is in a copy of a model is in the model.
    var prefix = place[...]
    while true {
      if let first = firsts[String(prefix)] { return first + place[prefix.endIndex...] }
      guard let end = prefix.lastIndex(of: "/") else { return place }
      prefix = prefix[..<end]
    }
  }
}
