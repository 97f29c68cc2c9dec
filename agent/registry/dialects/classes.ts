/** Names of Java classes that payloads carry and that mean something to readers. */
export const SPRING_CLASS = 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance';
export const MAP_CLASS = 'java.util.HashMap';
