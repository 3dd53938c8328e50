// Looking inside a network: outputs of layers, gradients of inputs, a list of operations, and why it decided so.
import Aviary
import AviaryExplanations

let network = try Registry.zoo.architecture(named: "resnet-toy")
let model = try network.buildClassifier(input: network.input)
model.initialize(seed: 1)
let images = Tensor(uniform: 0, 1, seed: 2, shape: [2] + network.input)

/// A network of the zoo is `any Classifier`; a generic function opens it.
func look(into model: some Classifier) throws -> Bool {
  // What layers put out, by their paths.
  let paths = model.namedLayers.map(\.path)
  print(paths.prefix(4).joined(separator: ", "))
  let (logits, outputs) = observing(["conv1"], of: model) { model(images) }
  print(logits.shape, outputs["conv1"]!.shape)

  // The gradient of a loss with respect to the input: a saliency map.
  let (_, gradients, input) = valueWithGradients(of: [Parameter](), mode: .inference) {
    let input = watched(images)
    return (model(input)[.all, 0].sum(), input)
  }
  let saliency = abs(gradients[input]!).max(over: [1])
  print(saliency.shape)

  // The operations as data: profiles, graphs and exports read this list.
  let (_, trace) = tracing(images) { model(images) }
  print(trace.nodes.count, "operations;", trace.nodes[0].operation.name, trace.shapes(of: trace.nodes[0]))

  // Which parts of the image speak for a class.
  let explainer = Explainer(model)
  let map = try explainer.gradCAM(images, .highest)
  let attributions = try explainer.integratedGradients(images, 0, steps: 4)
  print(map.layer, map.values.shape, attributions.attributions.shape)
  return saliency.shape == [2, images.shape[2], images.shape[3]] && map.values.shape[0] == 2
}

guard try look(into: model) else { fatalError("shapes are wrong") }
