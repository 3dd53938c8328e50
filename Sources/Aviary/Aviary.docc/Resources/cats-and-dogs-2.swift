import Aviary

let photographs = try ImageDataset("PHOTOS")
let pretrained = try Checkpoint.read(from: "squeezenet.h5")
let preprocessing = try pretrained.preprocessing() ?? .torchvision()
let (network, architecture, _) = try Registry.zoo.classifier(from: pretrained, path: "squeezenet.h5")
let model = network.replacingHead(classes: photographs.classes.count, seed: 0)
model.freezeBackbone()
